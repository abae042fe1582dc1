"""Writes test/fixtures/fit.json: small K-wise problems and their solutions.

    python make_fit_golden.py ../../test/fixtures/fit.json

The objective of `starling-rm fit`, by code of its own: the likelihood of a partial order is the sum over all orders that it
allows, one after another, and the minimum is found with Newton's method on torch's derivatives in float64. Runs in the
environment 5.23.0 (any torch will do).
"""

import itertools
import json
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)

WIDTH = 12


def orders(grades):
    """Every order of the graded responses, best first, that breaks ties in some way."""
    levels = sorted({grade for grade in grades if grade is not None}, reverse=True)
    buckets = [[i for i, grade in enumerate(grades) if grade == level] for level in levels]
    for parts in itertools.product(*(itertools.permutations(bucket) for bucket in buckets)):
        yield [i for part in parts for i in part]


def negative_log_likelihood(scores, grades):
    logs = []
    for order in orders(grades):
        ordered = scores[torch.tensor(order, dtype=torch.long)]
        logs.append(sum(ordered[k] - torch.logsumexp(ordered[k:], 0) for k in range(len(order))))
    return -torch.logsumexp(torch.stack(logs), 0)


def objective(weights, old, cases, ridge):
    losses = [negative_log_likelihood(features @ weights, grades) for features, grades in cases]
    return torch.stack(losses).mean() + ridge / 2 * ((weights - old) ** 2).sum()


def solve(old, cases, ridge):
    """Newton's method with halved steps; the problem is strictly convex."""
    weights = old.clone()
    value = lambda x: objective(x, old, cases, ridge)
    for _ in range(100):
        gradient = torch.autograd.functional.jacobian(value, weights)
        if gradient.norm() < 1e-14:
            break
        step = torch.linalg.solve(torch.autograd.functional.hessian(value, weights), gradient)
        length = 1.0
        while value(weights - length * step) > value(weights) and length > 1e-10:
            length /= 2
        weights = weights - length * step
    return weights, value(weights).item(), gradient.norm().item()


def random_case(responses, kind):
    # As float32, the type of features.
    features = (torch.randn(responses, WIDTH) * 1.5).float().double()
    if kind == "order":
        grades = torch.randperm(responses).tolist()
    elif kind == "ties":
        grades = torch.randint(0, 3, (responses,)).tolist()
        if len(set(grades)) == 1:
            grades[0] += 1
    else:  # partial: ties, and some of which nothing is known
        grades = torch.randint(0, 3, (responses,)).tolist()
        grades[0], grades[1] = 5, -2
        for i in range(2, responses):
            if torch.rand(()) < 0.4:
                grades[i] = None
    return features, grades


def problem(name, kinds, count, ridge):
    cases = [random_case(2 if kinds == ["pair"] else int(torch.randint(2, 7, ())), "order" if kind == "pair" else kind)
             for kind in itertools.islice(itertools.cycle(kinds), count)]
    old = (torch.randn(WIDTH) * 0.5).float().double()
    weights, loss, gradient_norm = solve(old, cases, ridge)
    return {
        "name": name,
        "ridge": ridge,
        "head": old.tolist(),
        "cases": [{"features": features.tolist(), "grades": grades} for features, grades in cases],
        "lossBefore": objective(old, old, cases, ridge).item(),
        "solution": weights.tolist(),
        "objective": loss,
        "gradientNorm": gradient_norm,
    }


def main():
    problems = [
        problem("pairs", ["pair"], 60, 0.01),
        problem("full orders", ["order"], 25, 0.003),
        problem("ties and unranked responses", ["ties", "partial", "order"], 40, 0.02),
        problem("few cases, hardly any ridge", ["order", "ties"], 6, 1e-4),
    ]
    with open(sys.argv[1], "w") as file:
        json.dump({"torch": torch.__version__.split("+")[0], "problems": problems}, file, separators=(",", ":"))
        file.write("\n")
    for entry in problems:
        print(entry["name"], entry["lossBefore"], entry["objective"], entry["gradientNorm"])


main()
