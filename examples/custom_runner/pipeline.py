from pathlib import Path

from pivot import stage


@stage(deps="words.txt", outs="counts.txt")
def count():
    words = Path("words.txt").read_text().split()
    lines = [f"{words.count(word)} {word}" for word in sorted(set(words))]
    Path("counts.txt").write_text("\n".join(lines) + "\n")


@stage(deps="counts.txt", outs="top.txt", params={"n": 2})
def top(n):
    lines = Path("counts.txt").read_text().splitlines()
    ranked = sorted(lines, key=lambda line: (-int(line.split()[0]), line))
    Path("top.txt").write_text("\n".join(ranked[:n]) + "\n")
