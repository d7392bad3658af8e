#!/usr/bin/env python3
"""Three offices of a recorded trace, one of them with an infected machine: infect.py FOLDER > trace.jsonl

What the most active thief of the trace sent goes out from the machine of the first office that sends most.
"""
import collections
import gzip
import json
import sys

if len(sys.argv) != 2:
    sys.exit("usage: infect.py FOLDER > trace.jsonl")
folder = sys.argv[1]
labels = json.load(gzip.open(folder + "/labels.json.gz"))
spam = set(labels["spam"])
offices = sorted(name for name, account in labels["accounts"].items() if account["kind"] == "office")[:3]
events = [json.loads(line) for line in gzip.open(folder + "/trace.jsonl.gz", "rt")]


def most(field, chosen):
    return collections.Counter(event[field] for event in events if chosen(event)).most_common(1)[0][0]


thief = most("a", lambda event: event["n"] in spam)
machine = most("helo", lambda event: event["a"] == offices[0])
for event in events:
    if event["a"] == thief and event["n"] in spam:
        event.update(a=offices[0], helo=machine)
    if event["a"] in offices:
        print(json.dumps(event, separators=(",", ":")))
