"""Writes test/fixtures/measures.json: scored cases, and what numpy and scipy measure of them.

    python make_measures.py ../../test/fixtures/measures.json

Every number is computed here in another way than in src/evaluation/measures: library functions, whole arrays, and sums over
all permutations. Nothing of the package is called.
"""

import itertools
import json
import math
import sys
import warnings

import numpy as np
import scipy
from scipy import optimize, stats

SEED = 20240331
Z = stats.norm.ppf(0.975)

SECTIONS = {
    "Chat": [("alpacaeval-easy", 100), ("alpacaeval-length", 95), ("alpacaeval-hard", 95), ("mt-bench-easy", 28),
             ("mt-bench-med", 40)],
    "Chat Hard": [("mt-bench-hard", 37), ("llmbar-natural", 100), ("llmbar-adver-neighbor", 134),
                  ("llmbar-adver-GPTInst", 92), ("llmbar-adver-GPTOut", 47), ("llmbar-adver-manual", 46)],
    "Safety": [("refusals-dangerous", 100), ("refusals-offensive", 100), ("xstest-should-refuse", 154),
               ("xstest-should-respond", 250), ("donotanswer", 136)],
    "Reasoning": [("math-prm", 984), ("hep-cpp", 164), ("hep-go", 164), ("hep-java", 164), ("hep-js", 164),
                  ("hep-python", 164), ("hep-rust", 164)],
}


# ---- inputs

def rounded(values, digits):
    """Few digits make ties, and a small file."""
    return [round(float(value), digits) for value in values]


def case(row, scores, grades, lengths, comparisons=None, **more):
    if comparisons is None:
        comparisons = [
            {"better": i, "worse": j} if grades[i] > grades[j] else {"better": j, "worse": i}
            for i in range(len(scores)) for j in range(i + 1, len(scores))
            if grades[i] is not None and grades[j] is not None and grades[i] != grades[j]
        ]
    return {"row": row, "scores": scores, "grades": grades, "lengths": lengths, "comparisons": comparisons, **more}


def pair_cases(random, count, digits=2, lean=0.0, subsets=None, order_of_subsets=False, prompts=None):
    cases = []
    for row in range(1, count + 1):
        lengths = [int(n) for n in random.integers(1, 800, 2)]
        if random.random() < 0.05:
            lengths[1] = lengths[0]
        quality = random.normal(0, 1, 2) + [0.6, -0.6]
        scores = rounded(quality + lean * (np.array(lengths) - 400) / 200, digits)
        if random.random() < 0.03:
            scores[1] = scores[0]
        more = {"prompt": f"p{int(random.integers(prompts))}"} if prompts else {}
        if subsets:
            more["subset"] = subsets[row % len(subsets)] if order_of_subsets else str(random.choice(subsets))
        cases.append(case(row, scores, [1, 0], lengths, **more))
    return cases


def list_cases(random, count, most, ungraded=0.0, ties=0.0, prompts=None):
    cases = []
    while len(cases) < count:
        size = int(random.integers(2, most + 1)) if most != 7 else 7
        grades = [int(g) for g in random.permutation(size)]
        grades = [int(random.integers(0, 3)) if random.random() < ties else g for g in grades]
        known = [None if random.random() < ungraded else g for g in grades]
        if len({g for g in known if g is not None}) < 2:
            continue
        scores = rounded(np.array(grades) * 0.25 + random.normal(0, 1, size), 1)
        if random.random() < 0.05:
            scores = [scores[0]] * size
        lengths = [int(n) for n in random.integers(5, 2000, size)]
        more = {"prompt": f"p{int(random.integers(prompts))}"} if prompts else {}
        cases.append(case(len(cases) + 1, scores, known, lengths, **more))
    return cases


def truth_cases(random, count):
    """reward(best) >= reward(correct) > reward(incorrect): the first comparison of a case allows equality."""
    cases = []
    for row in range(1, count + 1):
        scores = rounded(random.normal([0.4, 0.4, 0], 0.5), 1)
        comparisons = [{"better": 0, "worse": 1, "orEqual": True}, {"better": 0, "worse": 2}, {"better": 1, "worse": 2}]
        lengths = [int(n) for n in random.integers(10, 200, 3)]
        cases.append(case(row, scores, [2, 1, 0], lengths, comparisons))
    return cases


def best_of_four_cases(random):
    cases = []
    for subset in ["Factuality", "Precise IF", "Math", "Safety", "Focus"]:
        for _ in range(12):
            scores = rounded(random.normal([0.7, 0, 0, 0], 1), 0 if random.random() < 0.3 else 2)
            lengths = [int(n) for n in random.integers(10, 500, 4)]
            cases.append(case(len(cases) + 1, scores, [1, 0, 0, 0], lengths, subset=subset, id=str(len(cases))))
    for number in range(8):
        correct = int(random.integers(2, 7))
        for kind, good in [("ref", 1), ("tied", correct)]:
            bad = int(random.integers(1, 4))
            scores = rounded(np.concatenate([random.normal(2, 0.4, good), random.normal(0.8, 0.6, bad)]), 1)
            if number == 0 and kind == "tied":
                scores[:good] = [2.0] * good
            if number == 1:
                scores = [1.0] * len(scores)
            grades = [1] * good + [0] * bad
            lengths = [int(n) for n in random.integers(3, 60, len(scores))]
            cases.append(case(len(cases) + 1, scores, grades, lengths, subset="Ties", id=f"{kind}:{number}"))
    # A tied prompt whose reference is not in the sample: part of the accuracy, and of no pair.
    cases.append(case(len(cases) + 1, [1.0, 1.2, 0.3], [1, 1, 0], [4, 5, 6], subset="Ties", id="tied:99"))
    return cases


# ---- what is measured

def pairs_of(cases):
    rows = []
    for number, own in enumerate(cases):
        for comparison in own["comparisons"]:
            b, w = comparison["better"], comparison["worse"]
            margin = own["scores"][b] - own["scores"][w]
            right = margin > 0 or (margin == 0 and comparison.get("orEqual", False))
            rows.append((number, margin, own["lengths"][b] - own["lengths"][w], float(right)))
    return np.array(rows)


def wilson(share, count, quantile=Z):
    """The two shares p with |share - p| = quantile sqrt(p (1 - p) / count): roots of a quadratic."""
    square = quantile * quantile / count
    roots = np.roots([1 + square, -(2 * share + square), share * share])
    return sorted(float(np.real(root)) for root in roots)


def clustered(shares, prompts):
    """Wilson's interval at the effective sample size, with Student's quantile. The unit is the prompt."""
    names = sorted(set(prompts))
    counts = np.array([prompts.count(name) for name in names], float)
    means = np.array([np.mean([share for share, own in zip(shares, prompts) if own == name]) for name in names])
    mean = np.average(means, weights=counts)
    if len(names) == 1:
        return wilson(mean, 1)
    weights = counts / counts.sum()
    residuals = counts * (means - mean)
    spread, correlation = np.var(shares), correlation_within(shares, prompts, counts, means, mean)
    if spread < 1e-20:
        return wilson(mean, 1 / np.sum(weights**2))
    # Bell and McCaffrey (2002): the sandwich estimator without its bias, and Satterthwaite's degrees of freedom; no more than the
    # residuals' kurtosis leaves.
    working = np.diag(counts * (1 + (counts - 1) * correlation))
    centring = np.eye(len(names)) - np.outer(weights, np.ones(len(names)))
    covariance = centring @ working @ centring.T
    variance = np.trace(working) / np.trace(covariance) * np.sum(residuals**2) / counts.sum()**2
    excess = len(names) * np.var(residuals**2)
    few = 2 * np.sum(residuals**2)**2 / excess if excess > 0 else np.inf
    degrees = max(1, min(np.trace(covariance)**2 / np.trace(covariance @ covariance), few))
    if np.allclose(residuals, 0, atol=1e-9):
        degrees = 0
    # The variance of prompts of these sizes whose cases are so correlated, with the degrees of freedom of the correlation (Swiger, 1964).
    modelled = len(names) / (len(names) - 1) * spread * np.trace(working) / counts.sum()**2
    own = min(8, len(names) - 1)
    if degrees > 0 and len(shares) > len(names):
        size = (counts.sum() - np.sum(counts**2) / counts.sum()) / (len(names) - 1)
        error = (2 * (len(shares) - 1) * ((1 - correlation) * (1 + (size - 1) * correlation))**2
                 / (size**2 * (len(shares) - len(names)) * (len(names) - 1)))
        slope = np.sum(weights**2) - 1 / counts.sum()
        if error * slope > 0:
            own = min(own, 2 * (np.trace(working) / counts.sum()**2 / slope)**2 / error)
    if np.ptp(counts) == 0:
        degrees, own = len(names) - 1, 0
        if np.allclose(residuals, 0, atol=1e-9):
            return wilson(mean, len(names))
    variance = np.average([variance, modelled], weights=[degrees, own])
    return wilson(mean, mean * (1 - mean) / variance, stats.t.ppf(0.975, max(1, min(len(names) - 1, degrees + own))))


def correlation_within(shares, prompts, counts, means, mean):
    """Of two cases of a prompt, by the analysis of variance."""
    if len(shares) == len(counts):
        return 1.0
    of = dict(zip(sorted(set(prompts)), means))
    between = np.sum(counts * (means - mean)**2) / (len(counts) - 1)
    within = np.sum((shares - np.array([of[prompt] for prompt in prompts]))**2) / (len(shares) - len(counts))
    size = (counts.sum() - np.sum(counts**2) / counts.sum()) / (len(counts) - 1)
    total = between + (size - 1) * within
    return float(np.clip((between - within) / total, 0, 1)) if total > 0 else 1.0


def accuracy(cases):
    rows = pairs_of(cases)
    shares = np.array([rows[rows[:, 0] == n, 3].mean() for n in range(len(cases))])
    prompts = [own.get("prompt", f"row {own['row']}") for own in cases]
    result = {
        "accuracy": shares.mean(), "pairAccuracy": rows[:, 3].mean(), "comparisons": len(rows),
        "scoreTies": int((rows[:, 1] == 0).sum()),
    }
    if len(rows) == len(set(prompts)):
        result["interval"] = {"method": "wilson", "ends": wilson(rows[:, 3].mean(), len(rows))}
    else:
        result["interval"] = {"method": "clustered-wilson", "ends": clustered(shares, prompts)}
    return result


def order_loss(scores, grades):
    """-log of the sum over all orders that agree with the grades of the product over places of softmax."""
    total = 0.0
    for order in itertools.permutations(range(len(scores))):
        if any(grades[a] < grades[b] for a, b in zip(order, order[1:])):
            continue
        weights = np.exp(np.array([scores[i] for i in order]))
        total += math.exp(sum(math.log(weights[i] / weights[i:].sum()) for i in range(len(order))))
    return -math.log(total)


def ranking(cases):
    top, top_random, taus, losses, random_losses = [], [], [], [], []
    for own in cases:
        known = [(s, g) for s, g in zip(own["scores"], own["grades"]) if g is not None]
        scores, grades = np.array([s for s, _ in known]), np.array([g for _, g in known])
        if len(set(grades)) < 2:
            continue
        best = grades == grades.max()
        top.append(best[scores == scores.max()].mean())
        top_random.append(best.mean())
        losses.append(order_loss(scores, grades))
        random_losses.append(order_loss(np.zeros(len(scores)), grades))
        taus.append(stats.kendalltau(scores, grades, variant="b").statistic)
    return {
        "cases": len(top), "top1": np.mean(top), "top1AtRandom": np.mean(top_random),
        "kendall": np.nanmean(taus), "kendallUndefined": int(np.isnan(taus).sum()),
        "negativeLogLikelihood": np.mean(losses), "negativeLogLikelihoodAtRandom": np.mean(random_losses),
    }


def margins(rows):
    values = rows[:, 1]
    range_with_zero = max(0, values.max()) - min(0, values.min())
    steps = [step * 10.0**power for power in range(-9, 9) for step in (1, 2, 5)]
    width = max(step for step in steps if step <= range_with_zero / 16)
    bins, counts = np.unique(np.floor(values[values != 0] / width), return_counts=True)
    return {
        "mean": values.mean(), "median": np.median(values), "width": width,
        "counts": {str(int(bin)): int(count) for bin, count in zip(bins, counts)}, "zero": int((values == 0).sum()),
        "accuracyBySize": equal_bins(np.abs(values), rows[:, 3]),
    }


def equal_bins(values, right):
    wanted = min(10, max(1, len(values) // 10))
    ordered = np.sort(values)
    starts = np.unique([ordered[k * len(values) // wanted] for k in range(wanted)])
    group = np.searchsorted(starts, values, side="right") - 1
    return [
        {"low": values[group == k].min(), "high": values[group == k].max(), "comparisons": int((group == k).sum()),
         "accuracy": right[group == k].mean()}
        for k in range(len(starts))
    ]


def calibration(values, prompts):
    probability = scipy.special.expit(np.abs(values))
    observed = np.where(values > 0, 1.0, np.where(values < 0, 0.0, 0.5))
    group = np.minimum(9, np.floor((probability - 0.5) * 20)).astype(int)
    bins = [
        {"low": 0.5 + k / 20, "comparisons": int((group == k).sum()), "predicted": probability[group == k].mean(),
         "observed": observed[group == k].mean(),
         "interval": dict(zip(("low", "high"), clustered(observed[group == k], [p for p, g in zip(prompts, group) if g == k])))}
        for k in range(10) if (group == k).any()
    ]
    loss = lambda slope: -scipy.special.log_expit(slope * values).mean()
    result = {
        "bins": bins, "logLoss": loss(1),
        "expectedError": sum(b["comparisons"] * abs(b["predicted"] - b["observed"]) for b in bins) / len(values),
    }
    if values.mean() > 0 and (values < 0).any():
        derivative = lambda slope: -(values * scipy.special.expit(-slope * values)).mean()
        slope = optimize.brentq(derivative, 1e-9, 1e6, xtol=1e-15, rtol=1e-14)
        result |= {"temperature": 1 / slope, "logLossAtTemperature": loss(slope)}
    return result


def length(cases, rows):
    difference, right = rows[:, 2], rows[:, 3]
    group = lambda which: {"comparisons": int(which.sum())} | ({"accuracy": right[which].mean()} if which.any() else {})
    result = {
        "betterLonger": group(difference > 0), "betterShorter": group(difference < 0), "equal": group(difference == 0),
        "accuracyOfLonger": np.where(difference > 0, 1, np.where(difference < 0, 0, 0.5)).mean(),
        "accuracyByDifference": equal_bins(difference, right),
    }
    if (difference > 0).any() and (difference < 0).any():
        # Ordinary least squares of right on the two groups' indicators, with errors that are robust to clusters.
        used = difference != 0
        design = np.column_stack([difference > 0, difference < 0])[used].astype(float)
        inverse = np.linalg.inv(design.T @ design)
        beta = inverse @ design.T @ right[used]
        residuals = right[used] - design @ beta
        meat = np.zeros((2, 2))
        for number in np.unique(rows[used, 0]):
            own = design[rows[used, 0] == number].T @ residuals[rows[used, 0] == number]
            meat += np.outer(own, own)
        contrast = np.array([1, -1])
        result["gap"] = contrast @ beta
        result["gapError"] = math.sqrt(contrast @ inverse @ meat @ inverse @ contrast)
    flat = lambda lists: np.concatenate(lists)
    scores, lengths = [np.array(c["scores"]) for c in cases], [np.array(c["lengths"], float) for c in cases]
    centred = lambda lists: flat([own - own.mean() for own in lists])
    ranks = lambda lists: [stats.rankdata(own) for own in lists]
    result["withinPrompts"] = {
        "pearson": stats.pearsonr(centred(scores), centred(lengths)).statistic,
        "spearman": stats.pearsonr(centred(ranks(scores)), centred(ranks(lengths))).statistic,
    }
    result["overall"] = {
        "pearson": stats.pearsonr(flat(scores), flat(lengths)).statistic,
        "spearman": stats.spearmanr(flat(scores), flat(lengths)).statistic,
    }
    return result


def reward_bench(cases):
    subset = np.array([own["subset"] for own in cases])
    right = np.array([own["scores"][0] > own["scores"][1] for own in cases], float)
    sections = {}
    for section, weighted in SECTIONS.items():
        present = [(name, weight) for name, weight in weighted if (subset == name).any()]
        if present:
            sections[section] = np.average([right[subset == n].mean() for n, _ in present], weights=[w for _, w in present])
    result = {"sections": sections}
    if len(sections) == len(SECTIONS):
        result["score"] = np.mean(list(sections.values()))
    return result


def reward_bench_2(cases):
    scores = {}
    for subset in sorted({own["subset"] for own in cases} - {"Ties"}):
        results = []
        for own in cases:
            if own["subset"] == subset:
                values = np.array(own["scores"])
                results.append((values == values.max())[0] / (values == values.max()).sum())
        scores[subset] = np.mean(results)
    prompts = {}
    for own in cases:
        if own["subset"] == "Ties":
            kind, number = own["id"].split(":")
            values, good = np.array(own["scores"]), np.array(own["grades"]) == 1
            prompts[kind, int(number)] = (values[good].min() - values[~good].max(), np.ptp(values[good]))
    both = sorted({n for k, n in prompts if k == "ref"} & {n for k, n in prompts if k == "tied"})
    tied_gap = np.array([prompts["tied", n][0] for n in both])
    spread = np.array([prompts["tied", n][1] for n in both])
    smaller = np.minimum(tied_gap, [prompts["ref", n][0] for n in both])
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = np.nan_to_num(np.tanh(smaller / spread - 1), nan=0.0)
    ties = {
        "tiedAccuracy": np.mean([gap > 0 for (k, _), (gap, _) in prompts.items() if k == "tied"]),
        "refAccuracy": np.mean([gap > 0 for (k, _), (gap, _) in prompts.items() if k == "ref"]),
        "pairs": len(both), "preferred": np.mean(tied_gap > spread), "preferredHard": np.mean(smaller > spread),
        "marginScore": margin.mean(),
    }
    ties["score"] = float(np.dot([0.3, 0.3, 0.2, 0.2, 0.01], [ties[k] for k in (
        "tiedAccuracy", "refAccuracy", "preferred", "preferredHard", "marginScore")]))
    scores["Ties"] = ties["score"]
    return {"subsets": scores, "ties": ties, "score": np.mean(list(scores.values()))}


# ---- the file

def golden(name, benchmark, cases):
    rows = pairs_of(cases)
    expected = accuracy(cases)
    subsets = sorted({own["subset"] for own in cases if "subset" in own})
    if subsets:
        expected["subsets"] = {
            s: accuracy([own for own in cases if own.get("subset") == s]) for s in subsets
        }
    if benchmark in ("nectar", "pairs") and max(len({g for g in c["grades"] if g is not None}) for c in cases) > 2:
        expected["ranking"] = ranking(cases)
    if benchmark == "rewardbench":
        expected["own"] = reward_bench(cases)
    if benchmark == "rewardbench2":
        expected["own"] = reward_bench_2(cases)
    expected["margins"] = margins(rows)
    expected["calibration"] = calibration(rows[:, 1], [cases[int(n)].get("prompt", f"case {int(n)}") for n in rows[:, 0]])
    expected["length"] = length(cases, rows)
    return {"name": name, "benchmark": benchmark, "cases": cases, "expected": expected}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    assert not isinstance(value, float) or math.isfinite(value), value
    return value


def main(path):
    random = np.random.default_rng(SEED)
    v1 = [name for section in SECTIONS.values() for name, _ in section]
    sets = [
        golden("pairs with ties", "human", pair_cases(random, 200)),
        golden("pairs by a model that leans to length", "pairs", pair_cases(random, 150, 3, lean=1.0, prompts=40)),
        golden("pairs in subsets", "safety", pair_cases(random, 60, 1, subsets=["a", "b", "ü", "10", "9"])),
        golden("equality allowed", "truth", truth_cases(random, 80)),
        golden("seven responses", "nectar", list_cases(random, 60, 7)),
        golden("lists with ties and ungraded responses", "pairs", list_cases(random, 60, 6, 0.25, 0.4, prompts=25)),
        golden("all sections", "rewardbench", pair_cases(random, 92, 2, subsets=v1, order_of_subsets=True)),
        golden("best of four and ties", "rewardbench2", best_of_four_cases(random)),
    ]
    versions = {"numpy": np.__version__, "scipy": scipy.__version__}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps({"versions": versions, "seed": SEED, "z": plain(Z)})[:-1] + ', "sets": [\n')
        file.write(",\n".join(json.dumps(plain(own), separators=(",", ":")) for own in sets))
        file.write("\n]}\n")


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=stats.ConstantInputWarning)
    main(sys.argv[1])
