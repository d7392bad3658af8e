#!/usr/bin/env python3
"""Recompute the records of `weir detector replay --decisions` from the trace alone.

usage: recompute.py TRACE ACCOUNTS DECISIONS     (TRACE: events one a line, - is standard input)

A second detector, written anew from the formulas. It reads the decisions only to compare them with its own: those, the
numbers of findings and scores, sentences, acquittals and messages. It keeps the same Bloom filters, rings and lists,
for who passes for known depends on them; so it encloses nothing in bounds. It has no limits of plans, complaints or
countries, for the replay has none: their numbers are expected to be 0. It knows no domains of links, which would make
`neighbours` wrong. Logarithms are the C library's.

A number is exact if it is off by no more than 1e-9, or 1e-9 of itself above 1; else it is wrong, and so is a decision
too many, too few or of another kind. One that it does not know is unchecked. Exits 1 if any is wrong or unchecked.
"""
import collections, functools, ipaddress, json, math, struct, sys

sys.dont_write_bytecode = True
from recounted import *

EPOCH = 20_000 * DAY
PLANS = {"consumer": (20, 0), "business": (60, 0), "bulk": (500, -1.5)}
CALM, FLAG, SUSPEND, FAMILY = 2, 5, 7.5, 1.5


@functools.cache
def network(address):
    source = ipaddress.ip_address(address)
    source = getattr(source, "ipv4_mapped", None) or source
    return str(ipaddress.ip_network((source, 24 if source.version == 4 else 48), strict=False))


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


def is_taken(text):
    """None: the relay has a trouble of its own."""
    kind = reply(text)
    return kind == "accepted" if kind in ("accepted", "deferred") or text.startswith("5") else None


def single(value):
    """As a number of 32 bits, as texts keep theirs."""
    return struct.unpack("f", struct.pack("f", value))[0]


class World:
    """What decisions share between accounts."""

    def __init__(self):
        self.climate, self.marks, self.sightings = Climate(), Marks(512, DAY), Marks(256, HOUR)


class Message:
    def __init__(self, event):
        self.number, self.account, self.name = event["n"], event["a"], event["helo"]
        self.people, self.network = event["rc"], network(event["ip"])
        self.replies = [reply(text) for text in event["up"]["r"]]
        # Where every recipient was refused, nobody has seen the text.
        self.has_text = event["up"]["d"] != ""
        self.is_taken = is_taken(event["up"]["d"]) if self.has_text else None
        self.score = event["f"]["sc"] if self.has_text else None
        self.text = int(event["f"]["fp"], 16) if self.has_text else None
        self.is_html = event["f"]["h"] != 0
        envelope, header = event["mf"].lower(), event["hf"].lower()
        self.is_other = "" not in (envelope, header) and envelope != header


class Evidence:
    """Of one account, or of one machine of an office."""

    def __init__(self, now, plan, is_office, opened, is_machine=False):
        self.plan, self.is_office, self.opened, self.is_machine = plan, is_office, opened, is_machine
        self.updated, self.unrest, self.standing, self.since = now, 0, "normal", 0
        self.sums = dict.fromkeys(HALF_LIVES, 0.0)
        self.habit, self.ballot = Habit(), Ballot()
        self.yesterday, self.known, self.seen = collections.Counter(), Generations(), Filter()
        self.networks, self.names = Acquaintances(8), Acquaintances(48 if is_office else 4)
        self.start_day()
        self.forget_messages()

    def start_day(self):
        self.today, self.rest = collections.Counter(), collections.Counter()

    def forget_messages(self):
        self.by_hour, self.by_minutes = Window(HOUR, 24), Window(5 * MINUTE, 12)
        self.texts, self.suspects = [], []

    def nats(self):
        return self.sums["content"] + self.sums["delivery"] + self.sums["refusals"]

    def advance(self, now):
        for name, half_life in HALF_LIVES.items():
            self.sums[name] *= kept(now - self.updated, half_life)
        passed = now // DAY - self.updated // DAY
        self.updated = now
        if passed > 0:
            self.habit.learn(self.today, self.rest, passed, self.plan[0])
            self.yesterday = self.today if passed == 1 else collections.Counter()
            self.seen = Filter()
            self.start_day()
        if self.nats() >= CALM:
            self.unrest = now
        if self.standing == "flag" and now - self.unrest >= DAY:
            self.standing = "normal"

    def fail_login(self, now):
        self.advance(now)
        self.sums["failedLogins"] += 1
        self.today["logins"] += 1

    def release(self, now):
        self.advance(now)
        if self.standing == "normal":
            return
        self.sums.update(content=-0.5, delivery=-0.5, refusals=-0.5, strangeNetworks=0, strangeNames=0, failedLogins=0)
        self.networks.forget(self.since)
        self.names.forget(self.since)
        self.standing = "normal"
        self.start_day()
        self.forget_messages()

    # Before a message is released.

    def judge(self, message, world, now):
        self.advance(now)
        world.climate.advance(now)
        found = {"textPeople": 0, "textCopies": 0, "neighbours": 0, "sameTextAccounts": 0}
        found["isStrangeNetwork"] = int(self.meet(message, now))
        is_strange = found["isStrangeNetwork"] == 1
        if message.has_text:
            self.compare_form(message, is_strange, found)
        if not self.today["messages"] and not self.is_machine:
            world.climate.active += 1
        fresh, new = self.count_people(message, now)
        count = max(1, len(message.people))
        # What reaches one person again and again is no campaign.
        spread = fresh * self.sums["peopleLately"] / max(1, self.sums["recipientsLately"])
        found["reach"] = reach = max(new, spread) / count
        if message.has_text:
            self.weigh_content(message, fresh, reach, is_strange, world, now, found)
        where = message.network if is_strange else None
        if is_strange or reach >= 0.5:
            text = message.text if reach >= 0.5 else None
            found["neighbours"] = world.marks.count(message.account, where, text, now)
        if is_strange and new > 0 and reach >= 0.5 and message.has_text:
            found["sameTextAccounts"] = world.sightings.count(message.account, None, message.text, now)
            world.sightings.note(message.account, None, message.text, now)
        return found, self.conclude(message, found, world, True, now)

    def meet(self, message, now):
        """Returns whether the network is unfamiliar."""
        is_first = not self.names.entries
        is_calm = self.standing != "flag" and self.nats() < CALM
        if self.names.meet(message.name, now, is_calm) == "newcomer" and not is_first:
            self.sums["strangeNames"] += 1
            self.today["names"] += 1
        if self.is_office:
            return False
        met = self.networks.meet(message.network, now, is_calm)
        if met != "familiar":
            self.today["isStrange"] = 1
        if self.networks.count(now) > 0:
            self.today["hadFamiliar"] = 1
        if met == "newcomer" and not is_first:
            self.sums["strangeNetworks"] += 1
            self.today["networks"] += 1
        return met != "familiar"

    def compare_form(self, message, is_strange, found):
        sums = self.habit.sums
        if is_strange or self.is_machine:
            for name, key, is_so in (
                ("senderShare", "others", message.is_other), ("formatShare", "html", message.is_html)
            ):
                like = sums[key] if is_so else sums["letters"] - sums[key]
                found[name] = (like + 1) / (sums["letters"] + 2)
        self.today.update(letters=1, others=int(message.is_other), html=int(message.is_html))

    def count_people(self, message, now):
        fresh = new = 0
        for person in message.people:
            if person not in self.seen:
                if self.seen.is_full():
                    self.seen = Filter()
                self.seen.add(person)
                fresh += 1
                new += person not in self.known
        self.by_hour.add(new, now)
        self.by_minutes.add(new, now)
        self.today.update(messages=1, recipients=len(message.people), new=new)
        self.today["inADay"] = max(self.today["inADay"], self.by_hour.total(now))
        self.today["inAnHour"] = max(self.today["inAnHour"], self.by_minutes.total(now))
        self.sums["peopleLately"] += fresh
        self.sums["recipientsLately"] += len(message.people)
        return fresh, new

    def count_text(self, fingerprint, people, now):
        minute = now // MINUTE
        fields = {"text": fingerprint, "score": 0, "credit": 0, "copies": 0, "people": 0}
        same = next((i for i, old in enumerate(self.texts) if is_same_text(old["text"], fingerprint)), None)
        if same is not None:
            old = self.texts.pop(same)
            if minute < old["minute"] + 3 * 1440:
                fields = old
        elif len(self.texts) >= 8:
            self.texts.pop(0)
        fields.update(minute=minute, copies=fields["copies"] + 1, people=fields["people"] + people)
        self.texts.append(fields)
        return fields

    def weigh_content(self, message, fresh, reach, is_strange, world, now, found):
        text = self.count_text(message.text, fresh, now)
        found.update(textCopies=text["copies"], textPeople=text["people"], scannerScore=message.score)
        self.today["fanOut"] = max(self.today["fanOut"], text["people"])
        if not message.people:
            del found["scannerScore"]
            return
        # What a stranger writes is no habit of the owner.
        is_new = now - self.opened < 14 * DAY
        if text["copies"] == 1 and (not is_strange or not self.today["hadFamiliar"] and not is_new):
            self.today["texts"] += 1
            self.today["condemned"] += message.score >= 6
        sums = self.habit.sums
        usual = max((sums["condemned"] + 0.4) / (sums["texts"] + 20), world.climate.others(self.ballot)[0])
        most = clamp(ln_ratio(0.85, usual), 0, 3)
        # A text says once what its copies score on the average.
        mean = text["score"] + (clamp(message.score, -100, 100) - text["score"]) / text["copies"]
        weight = clamp(0.3 * (mean - 3), -0.2, most)
        # Its copies accuse more that come from several new networks within an hour, if a familiar one could be used.
        if weight > 0 and is_strange and self.today["hadFamiliar"]:
            networks = max(0, min(self.networks.newcomers(now) - self.habit.tops["networks"], text["copies"]))
            weight *= clamp(networks * (networks - 1) / 2, 1, 3)
        credit = min(max(text["credit"], reach * weight), max(weight, 0)) + min(reach * weight, 0)
        self.sums["content"] = clamp(self.sums["content"] + credit - text["credit"], -0.5, 6)
        text.update(score=single(mean), credit=single(credit))

    # After it was.

    def learn(self, message, found, world, now):
        self.advance(now)
        world.climate.advance(now)
        habit, others = self.habit.sums, world.climate.others(self.ballot)
        usual_unknown = max(0.03, (habit["unknown"] + 0.9) / (habit["new"] + 30), others[1])
        usual_deferred = max(0.03, (habit["deferred"] + 0.9) / (habit["recipients"] + 30), others[2])
        usual_refused = max(0.01, (habit["refused"] + 0.3) / (habit["messages"] + 30), others[3])
        nats, met = 0, collections.Counter()
        for person, kind in zip(message.people, message.replies):
            is_known = person in self.known
            says = trial(kind == "unknown", 0.2, usual_unknown) + trial(kind == "deferred", 0.08, usual_deferred)
            nats += (0.3 if is_known else 1) * says
            met[kind] += 1
            if kind == "accepted" and message.is_taken:
                if self.standing != "flag":
                    self.known.add(person)
                self.sums["delivered"] += 1
            elif kind == "unknown":
                self.today["unknown"] += not is_known
            elif kind == "deferred":
                self.today["deferred"] += 1
        if message.is_taken is not None:
            says = trial(not message.is_taken, 0.1, usual_refused)
            self.sums["refusals"] = clamp(self.sums["refusals"] + found["reach"] * says, -0.5, 6)
            self.today["refused"] += not message.is_taken
        count = max(1, len(message.replies))
        condemned = found["reach"] if found.get("scannerScore", 0) >= 6 else 0
        refused = 1 if message.is_taken is False else met["refused"] / count
        if not self.is_machine:
            shares = (condemned, met["unknown"] / count, met["deferred"] / count, refused)
            self.ballot = world.climate.vote(shares, self.ballot)
        self.sums["delivery"] = clamp(self.sums["delivery"] + clamp(nats, -4, 4), -0.5, 6)
        return self.conclude(message, found, world, False, now)

    def conclude(self, message, found, world, is_before, now):
        """What is decided; None: nothing changes."""
        found = {**found, **self.findings(now)}
        scores = score(found)
        total = scores["total"]
        for family in FAMILIES:
            self.rest[family] = max(self.rest[family], total - scores[family])
        if self.nats() >= CALM or total >= FLAG:
            self.unrest = now
        if total >= CALM and self.suspects[-1:] != [message.number]:
            self.suspects = self.suspects[-9:] + [message.number]
        flags, suspends = decides(found, scores)
        believed = world.climate.believed(found)
        marks, is_believed = decides(believed, score(believed))
        if marks and not self.is_machine:
            where = message.network if found["isStrangeNetwork"] else None
            world.marks.note(message.account, where, message.text, now)
        self.last_total = total
        holds_back = (world.climate.stop(now) or (None if is_believed else RELAYS_REFUSE)) if suspends else None
        if suspends and not holds_back:
            standing = "suspend"
        elif flags and self.standing != "flag":
            standing = "flag"
        else:
            return None
        if self.standing != "flag" and not self.is_machine and scores["content"] + scores["delivery"] > total / 2:
            world.climate.flagged.add(1, now)
        self.standing, self.since = standing, now
        needed = SUSPEND if standing == "suspend" else FLAG
        return {
            "n": message.number, "t": (now - EPOCH) / SECOND, "a": message.account, "do": standing,
            "pre": is_before and message.has_text, "findings": found, "score": scores, "messages": self.suspects,
            "why": sentences(found, scores, holds_back),
            "acquittals": [f for f in FAMILIES if scores[f] > 0 and total - scores[f] < needed],
            **({"machine": message.name} if self.is_machine else {}),
        }

    def findings(self, now):
        sums, tops, both = self.habit.sums, self.habit.tops, self.today + self.yesterday
        faded = ("content", "delivery", "refusals", "strangeNetworks", "strangeNames", "failedLogins", "delivered")
        never = ("strangeCountries", "capsReached", "ownCapsReached", "complaints")
        return {
            **{name: self.sums[name] for name in faded}, **dict.fromkeys(never, 0),
            "planNewPeople": self.plan[0], "planPrior": self.plan[1], "ageDays": max(0, now - self.opened) / DAY,
            "newInADay": self.by_hour.total(now), "ownInADay": tops["inADay"],
            "newInAnHour": self.by_minutes.total(now), "ownInAnHour": tops["inAnHour"], "ownTextPeople": tops["fanOut"],
            "ownStrangeNetworks": tops["networks"], "ownStrangeNames": tops["names"], "ownFailedLogins": tops["logins"],
            "strangeNetworkShare": (sums["strangeDays"] + 1) / (sums["days"] + 5),
            "newPeople": both["new"], "unknownPeople": both["unknown"], "deferred": both["deferred"],
            "refusedMessages": both["refused"],
            "usualUnknown": max(0.03, (sums["unknown"] + 0.9) / (sums["new"] + 30)),
        }


def decides(found, scores):
    """Whether it flags, and whether it suspends."""
    speaking = sum(scores[family] >= FAMILY for family in FAMILIES)
    is_new = found["ageDays"] < 14
    loudest = max(found["content"], scores["origin"], scores["complaints"], scores["neighbours"])
    is_grave = speaking >= 2 and (is_new or found["refusals"] >= 4 or loudest >= FAMILY)
    return scores["total"] >= FLAG and (speaking >= 2 or is_new), scores["total"] >= SUSPEND and is_grave


def trial(has_failed, abuse, usual):
    """The nats of one trial. Where failing is usual it says nothing."""
    if usual >= abuse:
        return 0
    return ln_ratio(abuse, usual) if has_failed else ln_ratio(1 - abuse, 1 - usual)


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
    prior, age = f["planPrior"], f["ageDays"]
    prior += 1 if age < 3 else 0.5 if age < 14 else 0
    scores = {
        "content": clamp(f["content"] + max(0, f["refusals"]), -0.5, 6), "delivery": min(f["delivery"], 4),
        "origin": clamp(origin, 0, 5), "volume": clamp(volume, -0.5, 4), "complaints": complaints,
        "neighbours": min(3, 1.5 * f["neighbours"] + f["sameTextAccounts"]), "prior": prior,
    }
    scores["total"] = sum(scores.values())
    return scores


class Account:
    """Its own evidence, and that of each machine where it is an office."""

    def __init__(self, line):
        self.plan, self.is_office = PLANS[line["plan"]], line["ident"] != "user"
        self.opened = EPOCH + round(line["day0"] * DAY)
        # The machine that sent last is the last one.
        self.evidence, self.machines = None, {}

    def take(self, event, world):
        """Returns what is decided by an event."""
        now = EPOCH + round(event["t"] * SECOND)
        if self.evidence is None:
            self.evidence = Evidence(now, self.plan, self.is_office, self.opened)
        account = self.evidence
        if event["k"] == "auth":
            account.fail_login(now)
            return []
        if account.standing == "suspend":
            if now - account.since < DAY:
                return []
            for evidence in [account, *self.machines.values()]:
                evidence.release(now)
        message, judged, made = Message(event), [], []
        machine = self.machine(message.name, now) if self.is_office else None
        if machine:
            if machine.standing == "suspend":
                return []
            judged.append(machine)
        found = {}
        if machine:
            machine.ballot = account.ballot
            found[machine], record = machine.judge(message, world, now)
            made.append(record)
        if machine is None or machine.last_total < CALM:
            judged.append(account)
            found[account], record = account.judge(message, world, now)
            made.append(record)
        if all(evidence.standing != "suspend" for evidence in judged):
            world.climate.hear(message.replies, message.is_taken)
            for evidence in judged:
                evidence.ballot = account.ballot
                made.append(evidence.learn(message, found[evidence], world, now))
        return [record for record in made if record]

    def machine(self, name, now):
        """None: nothing is judged, for too few names are familiar."""
        evidence = self.machines.get(name)
        if evidence and evidence.standing == "suspend":
            return evidence
        if self.evidence.names.count(now) < 3:
            return None
        if evidence is None and len(self.machines) >= 48:
            running = [x for x in self.machines if self.machines[x].standing != "suspend"]
            del self.machines[(running or list(self.machines))[0]]
        plan = (min(20, self.plan[0]), self.plan[1])
        evidence = self.machines.pop(name, None) or Evidence(now, plan, True, self.opened, is_machine=True)
        self.machines[name] = evidence
        return evidence


def rounded(value, places=1):
    """Half away from zero."""
    scaled = math.floor(abs(value) * 10**places + 0.5)
    sign = "-" if value < 0 and scaled else ""
    return sign + (f"{scaled // 10}.{scaled % 10}" if places else str(scaled))


def counted(number, one, others):
    return f"{number} {one if number == '1' else others}"


def most(number):
    return ("none" if number == "0" else f"at most {number}") + " on an earlier day"


def sentences(f, scores, holds_back):
    """What a record says in words."""
    whole = {name: rounded(value, 0) for name, value in f.items()}
    one = {name: rounded(value) for name, value in f.items()}
    few = {name: "0" if value < 0.05 else rounded(max(1, value), 0) for name, value in f.items()}
    people = counted(whole["textPeople"], "person", "people")
    said = collections.defaultdict(list)
    if f.get("scannerScore", 0) > 3 and max(f["textPeople"], f["reach"]) > 0:
        spread = f", one text to {people}" if f["textPeople"] > 0 else ""
        said["content"].append(f"content score {one['scannerScore']}{spread}")
    if f["refusedMessages"] > 0:
        words = "message refused for what it is", "messages refused for what they are"
        said["content"].append(counted(whole["refusedMessages"], *words))
    said["content"] = said["content"] or ["earlier messages"]
    if f["unknownPeople"] > 0 and f["newPeople"] > 0:
        share, usual = rounded(100 * f["unknownPeople"] / f["newPeople"]), rounded(100 * f["usualUnknown"])
        everybody = counted(whole["newPeople"], "new recipient", "new recipients")
        does = "does" if whole["unknownPeople"] == "1" else "do"
        said["delivery"].append(
            f"{whole['unknownPeople']} of {everybody} {does} not exist ({share}%; expected {usual}%)")
    if f["deferred"] > 0:
        said["delivery"].append(counted(whole["deferred"], "recipient", "recipients") + " deferred")
    said["delivery"] = said["delivery"] or ["refusals of the last days"]
    if f["isStrangeNetwork"]:
        share = rounded(100 * f["strangeNetworkShare"], 0)
        fact = f"from an unfamiliar network, expected on {'none' if share == '0' else share + '%'} of its days"
        if few["strangeNetworks"] != "0":
            networks = counted(few["strangeNetworks"], "new one", "new ones")
            fact += f"; {networks} lately, {most(whole['ownStrangeNetworks'])}"
        said["origin"].append(fact)
        if f["failedLogins"] >= 1:
            logins = counted(whole["failedLogins"], "failed login", "failed logins")
            said["origin"].append(f"{logins}, own highest {whole['ownFailedLogins']}")
    for name, words in (("senderShare", "a header From as in"), ("formatShare", "HTML or none, as in")):
        if f.get(name, 1) < 0.5:
            said["origin"].append(f"{words} {rounded(100 * f[name], 0)}% of its messages")
    if f["strangeNames"] > f["ownStrangeNames"]:
        said["origin"].append(counted(few["strangeNames"], "new EHLO name", "new EHLO names") + " lately")
    said["volume"] = [
        counted(whole["newInADay"], "new recipient", "new recipients") + f" in 24 h, own highest day {whole['ownInADay']}",
        f"{whole['newInAnHour']} in one hour, own highest hour {whole['ownInAnHour']}",
    ]
    if f["textPeople"] > max(1, f["ownTextPeople"]):
        said["volume"].append(f"one text to {people}, own highest {whole['ownTextPeople']}")
    if f["neighbours"] > 0:
        accounts = counted(whole["neighbours"], "account under suspicion shares", "accounts under suspicion share")
        said["neighbours"].append(f"{accounts} its text, links or network")
    if f["sameTextAccounts"] > 0:
        said["neighbours"].append(
            counted(whole["sameTextAccounts"], "other account", "other accounts")
            + " sent this text within an hour from unfamiliar networks")
    families = sorted((x for x in FAMILIES if scores[x] >= 0.05), key=lambda x: -scores[x])
    lines = [f"{family} {rounded(scores[family])}: {fact}" for family in families for fact in said[family]]
    if f["ageDays"] < 14:
        lines.append("opened less than a day ago" if f["ageDays"] < 1 else f"opened {counted(whole['ageDays'], 'day', 'days')} ago")
    if holds_back:
        lines.append(f"not suspended, for {holds_back}")
    if f["planPrior"] < 0:
        lines.append(f"a vetted plan: {one['planPrior']}")
    return lines


class Check:
    def __init__(self):
        self.exact, self.unchecked, self.same, self.wrong = *(collections.Counter() for _ in range(3)), []

    def number(self, record, name, value, mine):
        if mine is None:
            self.unchecked[name] += 1
        elif value is not None and abs(value - mine) <= 1e-9 * max(1, abs(mine)):
            self.exact[name] += 1
        else:
            self.wrong.append((record["n"], record["a"], name, value, mine))

    def record(self, record, mine):
        for part, prefix in (("findings", ""), ("score", "score.")):
            for name in sorted(record[part].keys() | mine[part].keys()):
                self.number(record, prefix + name, record[part].get(name), mine[part].get(name))
        for name in sorted((record.keys() | mine.keys()) - {"findings", "score"}):
            if record.get(name) == mine.get(name):
                self.same[name] += 1
            else:
                self.wrong.append((record["n"], record["a"], name, record.get(name), mine.get(name)))


def main(trace, accounts, decisions):
    known = {name: Account(line) for name, line in json.load(open(accounts)).items()}
    records = collections.defaultdict(list)
    for line in open(decisions):
        record = json.loads(line)
        records[record["n"]].append(record)
    world, check, count = World(), Check(), 0
    for line in sys.stdin if trace == "-" else open(trace):
        event = json.loads(line)
        if event["a"] not in known:
            continue
        made = known[event["a"]].take(event, world)
        written = records.pop(event["n"], [])
        if len(made) != len(written):
            check.wrong.append((event["n"], event["a"], "number of records", len(written), len(made)))
        for record, mine in zip(written, made):
            count += 1
            check.record(record, mine)
    for number, left in records.items():
        check.wrong.append((number, left[0]["a"], "record", "there", "no such message"))
    exact, unchecked = sum(check.exact.values()), sum(check.unchecked.values())
    print(f"{count} records: {exact} numbers exact, {unchecked} unchecked, {len(check.wrong)} wrong")
    for title, counts in (("exact", check.exact), ("unchecked", check.unchecked), ("the same", check.same)):
        if counts:
            print(f"  {title}: " + ", ".join(f"{name} {number}" for name, number in sorted(counts.items())))
    for wrong in check.wrong[:40]:
        print("  wrong: record %s of %s: %s is %s, recomputed %s" % wrong)
    return 1 if check.wrong or check.unchecked or not count else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: recompute.py TRACE ACCOUNTS DECISIONS")
    sys.exit(main(*sys.argv[1:4]))
