"""Code that only a pickle names: the stage that loads it runs again when it changes."""

from typed import Typed


def test_a_class_that_a_stage_gets_from_a_pickle_counts_for_it(project: Typed) -> None:
    """The bytes of the pickle are the same before and after: only the code of the class differs."""
    model = "class Model:\n    def score(self):\n        return 1\n"
    project.write("model.py", model)
    project.write("late.py", "import pickle\n\ndef loaded(path):\n    return pickle.load(open(path, 'rb'))\n")
    project.write("other.py", "def shown(number):\n    return str(number)\n")
    project.write(
        "pipeline.py",
        """
        import pickle
        from model import Model
        from other import shown
        from pivot import stage

        @stage(outs="model.pkl")
        def train():
            with open("model.pkl", "wb") as file:
                pickle.dump(Model(), file)

        @stage(deps="model.pkl", outs="score.txt")
        def score():
            from late import loaded
            with open("score.txt", "w") as out:
                out.write(shown(loaded("model.pkl").score()))

        @stage(deps="model.pkl", outs="size.txt")
        def size():
            with open("model.pkl", "rb") as file, open("size.txt", "w") as out:
                out.write(shown(len(file.read())))
        """,
    )
    project.run()
    project.write("model.py", model.replace("return 1", "return 2"))
    told = project.pivot("explain", "score").stdout
    assert "func:Model.score\n" in told
    assert "File: model.py:2\n" in told
    assert project.run() == {"train": "ran", "score": "ran", "size": "up to date"}
    assert project.read("score.txt") == "2"
    project.write("model.py", f"# a comment\n{model.replace('return 1', 'return 2')}")
    assert project.ran() == set()
