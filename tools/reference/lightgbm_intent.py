#!/usr/bin/env python3
"""LightGBM on hand-made prefix features, as a rival for the intent model.

    pip install lightgbm numpy
    tools/reference/lightgbm_intent.py shop.csv [--seeds 3] [--json]
    dinghy evaluate intent shop.csv

Both see the same sessions and prefixes and are split the same way: sessions end after more than 30 minutes of silence,
what stands at or after the first purchase's time is left out, the earliest 70 % of the sessions train, then 10 % each
end training early, calibrate, and test. Product statistics come from the training span, out of fold for training rows.
Number of leaves, least rows a leaf and learning rate are tuned on the validation span, the number of trees by early
stopping there; Platt's calibration on the next span. Every prefix counts once, in training as in the figures.
"""

import argparse
import csv
import json
import math
import sys

import lightgbm
import numpy as np

KINDS = ["pageview", "detail", "add", "remove", "purchase", "search", "click"]
PURCHASE = KINDS.index("purchase")
IDLE_MS = 30 * 60 * 1000
MAX_RECORDS, MAX_DURATION_MS = 5000, 24 * 3600 * 1000
FOLDS, SMOOTHING, PAGES = 5, 20.0, 24


def read(path):
    """Rows in time order: (time, session, kind, sku, page)."""
    rows = []
    with open(path, newline="") if path != "-" else sys.stdin as file:
        for row in csv.DictReader(file):
            action = row["product_action"]
            kind = KINDS.index(action) if action else 0
            rows.append((int(row["server_timestamp_epoch_ms"]), row["session_id_hash"], kind,
                         row["product_sku_hash"], row["hashed_url"].partition("?")[0]))
    rows.sort(key=lambda row: row[0])
    return rows


def sessions(rows):
    """(start, steps, bought), by start, then by end; steps are (time, kind, sku, page), strictly before the first purchase."""
    open_sessions, closed, muted = {}, [], {}

    def close(key):
        records, last = open_sessions.pop(key)
        bought = [time for time, kind, _, _ in records if kind == PURCHASE]
        steps = [one for one in records if not bought or one[0] < bought[0]]
        if steps:
            closed.append((records[0][0], last, steps, bool(bought)))

    for number, (time, key, kind, sku, page) in enumerate(rows):
        if key in muted:
            if time - muted[key] <= IDLE_MS:
                muted[key] = time
                continue
            del muted[key]
        if key in open_sessions:
            records = open_sessions[key][0]
            if time - records[-1][0] > IDLE_MS:
                close(key)
            elif len(records) >= MAX_RECORDS or time - records[0][0] > MAX_DURATION_MS:
                del open_sessions[key]
                muted[key] = time
                continue
        records = open_sessions[key][0] if key in open_sessions else []
        records.append((time, kind, sku, page))
        open_sessions[key] = (records, number)
    for key in list(open_sessions):
        close(key)
    closed.sort(key=lambda one: one[:2])
    return [(start, steps, bought) for start, _, steps, bought in closed]


class Products:
    """What the training span says of a product: smoothed logits of conversion and adding, and popularity."""

    def __init__(self, training):
        self.folds = [{} for _ in range(FOLDS)]
        self.total = {}
        self.all = [0.0, 0.0, 0.0]
        for index, (_, steps, bought) in enumerate(training):
            seen = {}
            for _, kind, sku, _ in steps:
                if sku:
                    seen[sku] = seen.get(sku, False) or kind == 2
            for sku, added in seen.items():
                for table in (self.folds[index % FOLDS], self.total):
                    count = table.setdefault(sku, [0.0, 0.0, 0.0])
                    count[0] += 1
                    count[1] += added
                    count[2] += bought
                self.all[0] += 1
                self.all[1] += added
                self.all[2] += bought

    def features(self, sku, fold):
        if not sku or sku not in self.total:
            return math.nan, math.nan, math.nan
        count = self.total[sku]
        if fold is not None:
            other = self.folds[fold].get(sku, (0.0, 0.0, 0.0))
            count = [count[0] - other[0], count[1] - other[1], count[2] - other[2]]
        if count[0] <= 0:
            return math.nan, math.nan, math.nan

        def lift(events, mean):
            share = min(max((events + SMOOTHING * mean) / (count[0] + SMOOTHING), 1e-5), 1 - 1e-5)
            return math.log(share / (1 - share))

        seen = max(self.all[0], 1)
        return (math.log1p(count[0]), lift(count[1], min(max(self.all[1] / seen, 1e-4), 1 - 1e-4)),
                lift(count[2], min(max(self.all[2] / seen, 1e-4), 1 - 1e-4)))


NAMES = (["count_" + kind for kind in KINDS if kind != "purchase"]
         + ["length", "elapsed", "gap", "gap_mean", "gap_before", "gap_longest", "gaps_short", "kind", "kind_before",
            "kind_before_that", "cart", "removed", "since_add", "events_since_add", "skus", "pages", "sku_seen",
            "page_seen", "page", "hour", "weekday", "has_sku", "popularity", "adding", "conversion", "adding_mean",
            "conversion_mean", "adding_max", "conversion_max", "adding_cart", "conversion_cart"])
CATEGORIES = ["kind", "kind_before", "kind_before_that", "page"]


def section(page):
    """The path without its last part, as the encoder has it: `/product/` of `/product/17`; empty where there is none."""
    above = page[:-1].rpartition("/")[0] + "/"
    return above if len(above) > 1 else ""


def features(spans, products, pages, out_of_fold):
    table, labels, owners = [], [], []
    for number, (start, steps, bought) in enumerate(spans):
        fold = number % FOLDS if out_of_fold else None
        counts = [0] * len(KINDS)
        skus, seen_pages, gaps = {}, {}, []
        cart = removed = 0
        added_at = added_index = None
        adding, converting, cart_adding, cart_converting = [], [], [], []
        before, kinds = start, [0, 0]
        for index, (time, kind, sku, page) in enumerate(steps):
            counts[kind] += 1
            gap = (time - before) / 1000
            before = time
            gaps.append(gap)
            popularity, add, conversion = products.features(sku, fold)
            if sku and not math.isnan(add):
                adding.append(add)
                converting.append(conversion)
            if kind == 2:
                cart += 1
                added_at, added_index = time, index
                cart_adding.append(add)
                cart_converting.append(conversion)
            elif kind == 3:
                cart = max(0, cart - 1)
                removed += 1
            hour = time / 3_600_000 % 24
            later = gaps[1:]
            table.append(
                [counts[k] for k in range(len(KINDS)) if k != PURCHASE]
                + [index + 1, (time - start) / 1000, gap, sum(later) / len(later) if later else math.nan,
                   gaps[-2] if index > 1 else math.nan, max(later) if later else math.nan,
                   sum(1 for one in later if one < 5), kind + 1, kinds[-1], kinds[-2], cart, removed,
                   (time - added_at) / 1000 if added_at is not None else math.nan,
                   index - added_index if added_at is not None else math.nan, len(skus), len(seen_pages),
                   skus.get(sku, 0), seen_pages.get(page, 0), pages.get(page, pages.get(section(page), 1)) if page else 0, hour,
                   (time // 86_400_000 + 3) % 7, 1 if sku else 0, popularity, add, conversion,
                   sum(adding) / len(adding) if adding else math.nan,
                   sum(converting) / len(converting) if converting else math.nan,
                   max(adding) if adding else math.nan, max(converting) if converting else math.nan,
                   np.nanmean(cart_adding) if any(x == x for x in cart_adding) else math.nan,
                   np.nanmean(cart_converting) if any(x == x for x in cart_converting) else math.nan])
            labels.append(bought)
            owners.append(number)
            if sku:
                skus[sku] = skus.get(sku, 0) + 1
            if page:
                seen_pages[page] = seen_pages.get(page, 0) + 1
            kinds.append(kind + 1)
    return np.array(table, dtype=np.float32), np.array(labels, dtype=np.float64), np.array(owners)


def logit(p):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def platt(p, y):
    """Slope and offset by Newton's method."""
    x = np.stack([logit(p), np.ones(len(p))], axis=1)
    theta = np.array([1.0, 0.0])
    for _ in range(50):
        q = 1 / (1 + np.exp(-x @ theta))
        step = np.linalg.solve((x * (q * (1 - q))[:, None]).T @ x + 1e-6 * np.eye(2), x.T @ (q - y))
        theta -= np.clip(step, -1, 1)
        if np.abs(step).sum() < 1e-9:
            break
    return theta


def figures(p, y):
    order = np.argsort(-p, kind="stable")
    p, y = p[order], y[order]
    ends = np.flatnonzero(np.append(np.diff(p) != 0, True))
    hits = np.diff(np.append(0, np.cumsum(y)[ends]))
    sizes = np.diff(np.append(-1, ends))
    before, positives = np.cumsum(hits) - hits, y.sum()
    misses = sizes - hits
    auc = (misses * (before + hits / 2)).sum() / (positives * (len(y) - positives))
    precision = (hits * np.cumsum(hits) / (ends + 1)).sum() / positives
    q = np.clip(p, 1e-7, 1 - 1e-7)
    loss = -(y * np.log(q) + (1 - y) * np.log(1 - q)).mean()
    shared = np.repeat(hits / sizes, sizes)
    bounds = [k * len(y) // 20 for k in range(21)]
    ece = sum(abs((p[a:b] - shared[a:b]).sum()) for a, b in zip(bounds, bounds[1:])) / len(y)
    return {"auc": auc, "prAUC": precision, "logLoss": loss, "brier": ((p - y) ** 2).mean(), "ece": ece}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    every = sessions(read(options.file))
    cuts = [int(len(every) * share) for share in (0.7, 0.8, 0.9)]
    spans = [every[:cuts[0]], every[cuts[0]:cuts[1]], every[cuts[1]:cuts[2]], every[cuts[2]:]]
    products = Products(spans[0])
    seen = {}
    for _, steps, _ in spans[0]:
        for _, _, _, page in steps:
            if page:
                seen[page] = seen.get(page, 0) + 1
                above = section(page)
                if above:
                    seen[above] = seen.get(above, 0) + 1
    pages = {page: 2 + rank for rank, page in enumerate(sorted(seen, key=lambda p: (-seen[p], p))[:PAGES])}
    train, validation, calibration, test = (
        features(span, products, pages, index == 0) for index, span in enumerate(spans))

    def fit(seed, leaves, least, rate):
        data = lightgbm.Dataset(train[0], train[1], feature_name=NAMES, categorical_feature=CATEGORIES)
        parameters = {
            "objective": "binary", "learning_rate": rate, "num_leaves": leaves, "min_data_in_leaf": least,
            "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 1.0, "seed": seed,
            "num_threads": options.threads, "verbosity": -1, "deterministic": True,
        }
        return lightgbm.train(
            parameters, data, 1000, valid_sets=[lightgbm.Dataset(validation[0], validation[1], reference=data)],
            callbacks=[lightgbm.early_stopping(25, verbose=False)])

    tried = {}

    def attempt(*setting):
        tried[setting] = fit(1, *setting).best_score["valid_0"]["binary_logloss"]
        print("{} leaves, {} rows, rate {}: validation {:.5f}".format(*setting, tried[setting]), file=sys.stderr)

    for leaves in (7, 15, 31):
        for least in (50, 200):
            attempt(leaves, least, 0.1)
    attempt(*min(tried, key=tried.get)[:2], 0.03)
    leaves, least, rate = min(tried, key=tried.get)
    results = []
    for seed in range(1, options.seeds + 1):
        model = fit(seed, leaves, least, rate)
        slope, offset = platt(model.predict(calibration[0]), calibration[1])
        scores = 1 / (1 + np.exp(-(slope * logit(model.predict(test[0])) + offset)))
        results.append({"seed": seed, "trees": model.best_iteration, **figures(scores, test[1])})
    summary = {
        "sessions": len(spans[3]), "buyers": sum(bought for _, _, bought in spans[3]), "prefixes": len(test[1]),
        "leaves": leaves, "least": least, "rate": rate, "seeds": results,
        "constant": figures(np.full(len(test[1]), train[1].mean()), test[1]),
    }
    if options.json:
        print(json.dumps(summary, default=float, indent=1))
        return
    print(f"{summary['sessions']} sessions of the test span, {summary['buyers']} of them bought, "
          f"{summary['prefixes']} prefixes; {leaves} leaves, at least {least} rows, rate {rate}")
    print("seed  trees       AUC    PR-AUC  log-loss     Brier       ECE")
    for one in results:
        print(f"{one['seed']:4}  {one['trees']:5}  " + "  ".join(
            f"{one[name]:8.5f}" for name in ("auc", "prAUC", "logLoss", "brier", "ece")))


main()
