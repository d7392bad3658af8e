#!/usr/bin/env python3
"""Holds what evaluate.py --by-kind prints against the detector's targets: targets.py <SCORES

Tells which are missed; the status is 1 where one of them has been reached before.
"""
import re
import sys

# Recipients that escape, of one half of a kind's accounts and of nineteen in twenty; it may be no more.
ESCAPED = {"median": 5, "p95": 40}
FALSE_FLAGS = 0.5
# What is beyond the model so far: see Sources/Documentation/Decisions/a-detector-of-families.md.
BEYOND = {("lowslow", "median"), ("signup", "median"), ("signup", "p95")}

scores = sys.stdin.read()
sys.stdout.write(scores)
found = []  # what, figure, target, whether it is met, whether it has ever been
for line in scores.splitlines():
    kind = re.match(r"(\w+) +n= *\d+ detected +([\d.]+)% flagged .*\| rcpts med +([\d.]+) p95 +([\d.]+) ", line)
    if kind:
        name, detected = kind[1], float(kind[2])
        found.append((f"{name}: accounts suspended", detected, "100 %", detected == 100, True))
        for part, value in zip(ESCAPED, map(float, kind.groups()[2:])):
            most = ESCAPED[part]
            found.append((f"{name}: recipients escaped, {part}", value, f"at most {most}", value <= most,
                          (name, part) not in BEYOND))
    false = re.match(r"false suspensions (\d+) .*; false flags \d+: ([\d.]+) per 1000", line)
    if false:
        found.append(("false suspensions", int(false[1]), "0", int(false[1]) == 0, True))
        flags = float(false[2])
        found.append(("false flags per 1,000", flags, f"at most {FALSE_FLAGS}", flags <= FALSE_FLAGS, True))
if len(found) < 3 * 6 + 2:
    sys.exit("targets.py: these are not the scores of all kinds")

print(f"{sum(met for *_, met, _ in found)} of {len(found)} targets are met")
lost = False
for what, value, target, met, reached in found:
    if met and not reached:
        print(f"met for the first time: {what}: {value}, {target}; BEYOND need not have it any more")
    if not met:
        print(f"{'MISSED' if reached else 'missed as ever'}: {what}: {value}, to be {target}")
        lost |= reached
sys.exit(lost)
