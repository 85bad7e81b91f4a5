import csv
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
with open("penguins.csv", newline="") as file:
    rows = [row for row in csv.DictReader(file) if row["sex"] != "NA"]
species = sorted({row["species"] for row in rows})
islands = sorted({row["island"] for row in rows})
labels = torch.tensor([species.index(row["species"]) for row in rows])
island = torch.tensor([islands.index(row["island"]) for row in rows])
numbers = torch.tensor([[float(row[name]) for name in measures] for row in rows])
x = torch.cat([numbers, nn.functional.one_hot(island)], 1)
