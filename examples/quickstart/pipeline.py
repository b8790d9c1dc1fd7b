"""Two stages: clean a table of penguins, then learn to guess a penguin's mass from its flipper length."""

from measures import fit_line, is_complete
from pivot import stage


@stage(deps=["penguins.csv"], outs=["processed.parquet"])
def preprocess():
    import pandas as pd

    table = pd.read_csv("penguins.csv")
    table = table[is_complete(table)]
    table.to_parquet("processed.parquet")
    print(f"kept {len(table)} penguins")


@stage(deps=["processed.parquet"], outs=["model.pkl"])
def train():
    import pickle

    import pandas as pd

    table = pd.read_parquet("processed.parquet")
    model = fit_line(table["flipper_length_mm"], table["body_mass_g"])
    with open("model.pkl", "wb") as file:
        pickle.dump(model, file)
    print(f"mass = {model['slope']:.1f} * flipper + {model['intercept']:.0f}")
