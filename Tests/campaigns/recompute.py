#!/usr/bin/env python3
"""Recompute the records of `weir detector replay --decisions` from the trace alone.

usage: recompute.py TRACE ACCOUNTS DECISIONS     (TRACE: events one a line, - is standard input)

Written from `Sources/Documentation/Decisions/a-detector-of-families.md`. It keeps exact sets where the detector keeps
Bloom filters, and no notion of a calm day. What it cannot tell exactly it encloses: people written to while an account
was flagged may or may not be known to it afterwards, and a Bloom filter may take a new person for a known one. Each
number is counted as exact, enclosed or unchecked. Exits 1 if any number is wrong.
"""
import collections, json, math, re, sys

DAY, HOUR = 86400.0, 3600.0
PLANS = {"consumer": (20, 0), "business": (60, 0), "bulk": (500, -1.5)}


def ln_ratio(part, whole):
    return math.log(part / whole)


def clamp(value, low, high):
    return min(max(value, low), high)


def network(address):
    return ":".join(address.split(":")[:3]) if ":" in address else address.rsplit(".", 1)[0]


def reply(text):
    words = text.split(" ")
    code = int(words[0]) if words[0].isdigit() else 0
    parts = words[1].split(".") if len(words) > 1 else []
    enhanced = tuple(map(int, parts)) if len(parts) == 3 and all(p.isdigit() for p in parts) else None
    if 200 <= code < 300:
        return "accepted"
    if 400 <= code < 500 and enhanced and (enhanced[:2] == (4, 7) or enhanced == (4, 2, 1)):
        return "deferred"
    if code == 550 and enhanced is None:
        return "unknown"
    if 500 <= code < 600 and enhanced in {(5, 1, 1), (5, 1, 2), (5, 1, 6), (5, 1, 10)}:
        return "unknown"
    return "refused"


class Fading:
    """A sum of which half is left after a half-life."""

    def __init__(self, days):
        self.half, self.value, self.at = days * DAY, 0.0, 0.0

    def add(self, amount, now):
        self.value, self.at = self.now(now) + amount, max(now, self.at)

    def now(self, now):
        return self.value * 0.5 ** (max(0.0, now - self.at) / self.half)


class Account:
    def __init__(self):
        self.suspended = None
        self.flagged = None
        self.known, self.doubtful = set(), set()
        self.day, self.seen = None, set()
        self.today, self.yesterday = collections.Counter(), collections.Counter()
        self.least, self.most = [], []  # (time, new people)
        self.tops = collections.Counter()
        self.top_today = collections.Counter()
        self.texts = []
        self.networks, self.names = {}, []
        self.strange_networks, self.strange_names = Fading(1), Fading(1)
        self.failed, self.delivered = Fading(1.5), Fading(7)
        self.people, self.recipients = Fading(3), Fading(3)
        self.released = False
        self.present = {}

    def turn(self, now):
        day = int(now // DAY)
        if self.day is not None and day > self.day:
            self.yesterday = self.today if day == self.day + 1 else collections.Counter()
            self.today, self.seen = collections.Counter(), set()
            for name, value in self.top_today.items():
                self.tops[name] = max(self.tops[name], value)
            self.top_today = collections.Counter()
        self.day = day if self.day is None else max(day, self.day)

    def release(self):
        self.suspended, self.released = None, True
        self.least, self.most, self.texts = [], [], []
        self.today = collections.Counter()
        self.top_today = collections.Counter()
        self.strange_networks, self.strange_names, self.failed = Fading(1), Fading(1), Fading(1.5)

    def text(self, fingerprint, people, now):
        minute = int(now // 60)
        for index, old in enumerate(self.texts):
            if bin(old["fp"] ^ fingerprint).count("1") <= 6:
                entry = self.texts.pop(index)
                if minute >= entry["minute"] + 3 * 1440:
                    entry = {"fp": fingerprint, "copies": 0, "people": 0}
                break
        else:
            entry = {"fp": fingerprint, "copies": 0, "people": 0}
            if len(self.texts) >= 8:
                self.texts.pop(0)
        entry.update(minute=minute, copies=entry["copies"] + 1, people=entry["people"] + people)
        self.texts.append(entry)
        return entry

    def window(self, counted, now, slot, count):
        last = int(now // slot)
        return sum(new for at, new in counted if last - count < int(at // slot) <= last)

    def judge(self, event):
        """What is known of a message before it is released."""
        now, where = event["t"], network(event["ip"])
        first = not self.names
        days = self.networks.setdefault(where, set())
        if not days and not first:
            self.strange_networks.add(1, now)
        earlier = len(days - {self.day})
        days.add(self.day)
        if event["helo"] not in self.names:
            self.names.append(event["helo"])
            if not first:
                self.strange_names.add(1, now)
        fresh = [p for p in dict.fromkeys(event["rc"]) if p not in self.seen]
        self.seen.update(fresh)
        most = sum(p not in self.known for p in fresh)
        least = sum(p not in self.known and p not in self.doubtful for p in fresh)
        self.least.append((now, least))
        self.most.append((now, most))
        oldest = now - 25 * HOUR
        self.least = [x for x in self.least if x[0] > oldest]
        self.most = [x for x in self.most if x[0] > oldest]
        self.today["least"] += least
        self.today["most"] += most
        self.people.add(len(fresh), now)
        self.recipients.add(len(event["rc"]), now)
        spread = len(fresh) * self.people.now(now) / max(1, self.recipients.now(now))
        count = max(1, len(event["rc"]))
        # Where every recipient was refused, nobody has seen the text.
        has_text = event["up"]["d"] != ""
        entry = {"people": 0, "copies": 0}
        if has_text:
            entry = self.text(int(event["f"]["fp"], 16), len(fresh), now)
        self.present = {
            "newInADay": tuple(self.window(x, now, HOUR, 24) for x in (self.least, self.most)),
            "newInAnHour": tuple(self.window(x, now, 300, 12) for x in (self.least, self.most)),
            "reach": (max(least, spread) / count, max(most, spread) / count),
            "textPeople": (entry["people"],) * 2, "textCopies": (entry["copies"],) * 2,
            "earlier": earlier,
        }
        if has_text:
            self.present["scannerScore"] = (event["f"]["sc"],) * 2
        for name, key in (("newInADay", "ownInADay"), ("newInAnHour", "ownInAnHour"), ("textPeople", "ownTextPeople")):
            self.top_today[key] = max(self.top_today[key], self.present[name][1])

    def learn(self, event):
        """What became of it."""
        now = event["t"]
        for person, text in zip(event["rc"], event["up"]["r"]):
            kind = reply(text)
            if kind == "accepted" and event["up"]["d"] and reply(event["up"]["d"]) == "accepted":
                (self.known if self.flagged is None else self.doubtful).add(person)
                self.delivered.add(1, now)
            elif kind == "unknown":
                self.today["unknown"] += person not in self.known
            elif kind == "deferred":
                self.today["deferred"] += 1
        if event["up"]["d"] and reply(event["up"]["d"]) != "accepted":
            self.today["refused"] += 1

    def is_before(self, record, event, now):
        """Whether a record was made before what became of its message was known. Where every recipient was refused the
        replay does not say so, for that all of them were is a reply too."""
        if record["pre"] or event["up"]["d"] != "":
            return record["pre"]
        present = self.findings(now)
        return all(present[name][0] == record["findings"][name] for name in ("unknownPeople", "deferred"))

    def findings(self, now):
        """The least and the most that each number can be."""
        values = dict(self.present)
        both = self.today + self.yesterday
        values["newPeople"] = (both["least"], both["most"])
        for name, key in (("unknownPeople", "unknown"), ("deferred", "deferred"), ("refusedMessages", "refused")):
            values[name] = (both[key],) * 2
        values["delivered"] = (self.delivered.now(now),) * 2
        values["failedLogins"] = (self.failed.now(now),) * 2
        if not self.released:
            if len(self.networks) <= 8:
                values["strangeNetworks"] = (self.strange_networks.now(now),) * 2
            if len(self.names) <= 4:
                values["strangeNames"] = (self.strange_names.now(now),) * 2
            for key in ("ownInADay", "ownInAnHour", "ownTextPeople"):
                values[key] = (0, self.tops[key])
        return values


def score(f):
    """The families' scores, from the numbers of a record."""
    strange = f["isStrangeNetwork"] == 1
    origin = 0.4 * clamp(f["strangeNames"] - f["ownStrangeNames"], 0, 4)
    if "senderShare" in f:
        origin += clamp(0.5 * ln_ratio(0.5, f["senderShare"]), 0, 1)
    if "formatShare" in f:
        origin += clamp(0.25 * ln_ratio(0.5, f["formatShare"]), 0, 0.5)
    if strange:
        origin += clamp(0.5 * ln_ratio(0.9, max(f["strangeNetworkShare"], 0.01)), 0, 1.5)
        origin += 0.7 * max(0, f["strangeNetworks"] - 1 - f["ownStrangeNetworks"])
        origin += 0.5 * min(2, f["strangeCountries"])
        origin += clamp(0.5 * ln_ratio(1 + f["failedLogins"], 1 + f["ownFailedLogins"]), 0, 1.5)
    floor = f["planNewPeople"] / (2 if strange else 1)
    day = 1.2 * ln_ratio(1 + f["newInADay"], max(1.3 * f["ownInADay"], floor, 1))
    hour = 1.2 * ln_ratio(1 + f["newInAnHour"], max(1.3 * f["ownInAnHour"], floor / 2, 1))
    fan = 0.6 * ln_ratio(1 + f["textPeople"], max(1.3 * f["ownTextPeople"], floor / 2, 1))
    caps = clamp(0.5 * ln_ratio(1 + f["capsReached"], 1 + f["ownCapsReached"]), 0, 1)
    volume = max(max(day, hour) + clamp(fan * (2 if strange else 1), 0, 1.5), -0.5) + caps
    complaints = 0
    if f["complaints"] > 0:
        complaints = clamp(f["complaints"] * math.log(10) - 0.0045 * f["delivered"], 0, 5)
    prior, age = f["planPrior"], f.get("ageDays")
    if age is not None:
        prior += 1 if age < 3 else 0.5 if age < 14 else 0
    scores = {
        "content": clamp(f["content"] + max(0, f["refusals"]), -0.5, 6), "delivery": min(f["delivery"], 4),
        "origin": clamp(origin, 0, 5), "volume": clamp(volume, -0.5, 4), "complaints": complaints,
        "neighbours": min(3, 1.5 * f["neighbours"] + f["sameTextAccounts"]), "prior": prior,
    }
    scores["total"] = sum(scores.values())
    return scores


class Check:
    def __init__(self):
        self.exact, self.enclosed, self.wrong = collections.Counter(), collections.Counter(), []

    def number(self, name, record, low, high, value):
        # A Bloom filter of 1,700 people takes one new person in a hundred for a known one; there are three of them.
        slack = 0 if name in ("textCopies", "scannerScore") or high <= 96 else 0.03 * high + 4 * math.sqrt(0.03 * high)
        near = 1e-6 * max(1, abs(high))
        if abs(value - low) <= near and abs(value - high) <= near:
            self.exact[name] += 1
        elif low - slack - near <= value <= high + near:
            self.enclosed[name] += 1
        else:
            self.wrong.append((record["n"], record["a"], name, value, low, high))

    def record(self, record, account, plan, day0, now):
        f = record["findings"]
        for name, value in account.findings(now).items():
            if name == "earlier":
                # Familiar is what was used on three earlier days.
                if f["isStrangeNetwork"] == 0 and value < 3 and plan[2] == "user":
                    self.wrong.append((record["n"], record["a"], "isStrangeNetwork", 0, value, 3))
            elif name == "scannerScore" and name not in f or name.startswith("strangeNet") and plan[2] != "user":
                continue
            else:
                self.number(name, record, value[0], value[1], f[name])
        self.number("planNewPeople", record, plan[0], plan[0], f["planNewPeople"])
        self.number("planPrior", record, plan[1], plan[1], f["planPrior"])
        self.number("ageDays", record, now / DAY - day0, now / DAY - day0, f["ageDays"])
        for name, value in score(f).items():
            if abs(value - record["score"][name]) > 1e-9:
                self.wrong.append((record["n"], record["a"], "score." + name, record["score"][name], value, value))
            self.exact["score." + name] += 1
        self.words(record)

    def words(self, record):
        """Every number of the sentences is one of the findings or scores, rounded."""
        f = dict(record["findings"])
        if f["newPeople"] > 0:
            f["share"] = f["unknownPeople"] / f["newPeople"]
        said = {1.0, 24.0}
        for value in list(f.values()) + list(record["score"].values()):
            for places in (0, 1):
                for scaled in (value, 100 * value):
                    said.add(math.floor(abs(scaled) * 10**places + 0.5) / 10**places)
        for sentence in record["why"]:
            for number in re.findall(r"\d+(?:\.\d+)?", sentence):
                if not any(abs(float(number) - x) < 1e-6 for x in said):
                    self.wrong.append((record["n"], record["a"], "sentence", sentence, number, number))


def main(trace, accounts, decisions):
    known = json.load(open(accounts))
    records = collections.defaultdict(list)
    for line in open(decisions):
        record = json.loads(line)
        # A machine behind an account has a past of its own.
        if "machine" not in record:
            records[record["n"]].append(record)
    states, check, count = collections.defaultdict(Account), Check(), 0
    for line in sys.stdin if trace == "-" else open(trace):
        event = json.loads(line)
        now, name = event["t"], event["a"]
        if name not in known:
            continue
        account = states[name]
        if event["k"] == "auth":
            account.turn(now)
            account.failed.add(1, now)
            continue
        if account.suspended is not None:
            if now - account.suspended < DAY:
                continue
            account.turn(now)
            account.release()
        account.turn(now)
        plan = PLANS[known[name]["plan"]] + (known[name]["ident"],)
        account.judge(event)
        mine = sorted(records.pop(event["n"], []), key=lambda r: not r["pre"])
        has_learnt = False
        for record in mine:
            if not has_learnt and not account.is_before(record, event, now):
                account.learn(event)
                has_learnt = True
            count += 1
            check.record(record, account, plan, known[name]["day0"], now)
            if record["do"] == "suspend":
                account.suspended, account.flagged = now, None
            else:
                account.flagged = now
        if not has_learnt and account.suspended is None:
            account.learn(event)
    for number, left in records.items():
        check.wrong.append((number, left[0]["a"], "record", "no such message", "", ""))
    exact, enclosed = sum(check.exact.values()), sum(check.enclosed.values())
    print(f"{count} records: {exact} numbers exact, {enclosed} enclosed, {len(check.wrong)} wrong")
    for name, number in sorted(check.enclosed.items()):
        print(f"  enclosed: {name} {number} of {number + check.exact[name]}")
    for wrong in check.wrong[:40]:
        print("  wrong: record %s of %s: %s is %s, recomputed %s to %s" % wrong)
    return 1 if check.wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
