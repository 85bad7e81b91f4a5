import csv

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

with open("penguins.csv", newline="") as file:
    rows = list(csv.DictReader(file))
names = sorted({row["species"] for row in rows})
islands = sorted({row["island"] for row in rows})
species = torch.tensor([names.index(row["species"]) for row in rows])
island = torch.tensor([islands.index(row["island"]) for row in rows])
measures = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
read = torch.tensor([[float("nan" if row[name] == "NA" else row[name]) for name in measures] for row in rows])
x = torch.cat([torch.where(read.isnan(), read.nanmean(0), read), nn.functional.one_hot(island)], 1)
training, test = random_split(TensorDataset(x, species), [0.75, 0.25])
mean, deviation = training[:][0].mean(0), training[:][0].std(0)


def standardize(x):
    return (x - mean) / deviation


model = nn.Sequential(nn.Linear(7, 16), nn.ReLU(), nn.Linear(16, 3))
adam = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(20):
    for inputs, targets in DataLoader(training, batch_size=16, shuffle=True):
        loss = nn.functional.cross_entropy(model(standardize(inputs)), targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
inputs, targets = test[:]
with torch.no_grad():
    right = (model(standardize(inputs)).argmax(1) == targets).double().mean()
print("right:", right.item())
