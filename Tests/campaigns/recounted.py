"""What `recompute.py` counts with: people in filters, windows of time, acquaintances, habits, climate and marks."""
import collections, math, struct

SECOND = 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86400 * SECOND
ALL = (1 << 64) - 1
FAMILIES = ("content", "delivery", "origin", "volume", "complaints", "neighbours")


def ln_ratio(part, whole):
    return math.log(part / whole)


def clamp(value, low, high):
    return min(max(value, low), high)


def kept(elapsed, half_life):
    return 0.5 ** (elapsed / half_life)


def is_same_text(a, b):
    return bin(a ^ b).count("1") <= 6


# People, in filters.


def sip_hash(octets):
    """SipHash-2-4 with a key of zeros."""
    v = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]

    def turn(word, bits):
        return (word << bits | word >> (64 - bits)) & ALL

    def rounds(count):
        a, b, c, d = v
        for _ in range(count):
            a, c = (a + b) & ALL, (c + d) & ALL
            b, d = turn(b, 13) ^ a, turn(d, 16) ^ c
            a, c = turn(a, 32), c
            a, c = (a + d) & ALL, (c + b) & ALL
            d, b = turn(d, 21) ^ a, turn(b, 17) ^ c
            c = turn(c, 32)
        v[:] = a, b, c, d

    whole = len(octets) // 8 * 8
    words = list(struct.unpack("<%dQ" % (whole // 8), octets[:whole]))
    words.append(int.from_bytes(octets[whole:], "little") | (len(octets) & 255) << 56)
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 255
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


PLACES = {}


def places(person):
    """Where a filter has its bits."""
    if person not in PLACES:
        word = sip_hash(person.encode()) & 0xFFFFFFFF
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & ALL
        word = (word ^ word >> 27) * 0x94D049BB133111EB & ALL
        word ^= word >> 31
        PLACES[person] = tuple((word + (word >> 32 | 1) * probe) % 16_384 for probe in range(7))
    return PLACES[person]


class Filter:
    """People: up to 96 of them exactly, up to 1,700 in a Bloom filter."""

    def __init__(self):
        self.people, self.bits, self.count = set(), None, 0

    def __contains__(self, person):
        if self.bits is None:
            return person in self.people
        return all(self.bits[place] for place in places(person))

    def is_full(self):
        return self.count >= 1700

    def add(self, person):
        if person in self or self.is_full():
            return
        if self.count == 96:
            self.bits = bytearray(16_384)
            for one in self.people:
                for place in places(one):
                    self.bits[place] = 1
        self.count += 1
        if self.bits is None:
            self.people.add(person)
        else:
            for place in places(person):
                self.bits[place] = 1


class Generations:
    def __init__(self):
        self.younger, self.elder = Filter(), Filter()

    def __contains__(self, person):
        return person in self.younger or person in self.elder

    def add(self, person):
        if self.younger.is_full():
            self.younger, self.elder = Filter(), self.younger
        self.younger.add(person)


# What is counted of one account.


class Window:
    """A count over the last so many slots of time."""

    def __init__(self, slot, count):
        self.slot, self.count, self.slots = slot, count, collections.deque()

    def total(self, now):
        while self.slots and self.slots[0][0] <= now // self.slot - self.count:
            self.slots.popleft()
        return sum(amount for _, amount in self.slots)

    def add(self, amount, now):
        self.slots.append((now // self.slot, amount))


class Acquaintances:
    """Networks or names, and on how many calm days each was used: name -> [first minute, last day, days]."""

    def __init__(self, most):
        self.most, self.entries = most, {}

    def is_familiar(self, entry, day):
        return entry[2] - (entry[1] == day and entry[2] > 0) >= 3

    def count(self, now):
        return sum(self.is_familiar(entry, now // DAY) for entry in self.entries.values())

    def meet(self, name, now, is_calm):
        day = now // DAY
        entry = self.entries.get(name)
        if entry is None:
            while len(self.entries) >= self.most:
                least = min(self.entries.items(), key=lambda x: (self.is_familiar(x[1], day), x[1][1]))
                del self.entries[least[0]]
            self.entries[name] = [now // MINUTE, day, int(is_calm)]
            return "newcomer"
        if entry[1] != day:
            entry[1] = day
            entry[2] += is_calm
        return "familiar" if self.is_familiar(entry, day) else "stranger"

    def newcomers(self, now):
        return sum(entry[0] + 60 > now // MINUTE for entry in self.entries.values())

    def forget(self, since):
        self.entries = {k: e for k, e in self.entries.items() if e[0] < since // MINUTE and e[2] >= 3}


HALF_LIVES = {
    "content": 5 * DAY, "delivery": 3 * DAY, "refusals": 3 * DAY, "peopleLately": 3 * DAY, "recipientsLately": 3 * DAY,
    "delivered": 7 * DAY, "strangeNetworks": DAY, "strangeNames": DAY, "failedLogins": 1.5 * DAY,
}
# Of a day: what is added up while nothing but this family was suspicious, and the highest values.
SUMS = {
    "content": ("texts", "condemned", "messages", "refused"), "delivery": ("new", "unknown", "recipients", "deferred"),
    "origin": ("letters", "others", "html"),
}
TOPS = {"origin": ("networks", "names", "logins"), "volume": ("inADay", "inAnHour", "fanOut")}


class Habit:
    """What an account does in its calm days."""

    def __init__(self):
        self.sums, self.tops = collections.Counter(), collections.Counter()

    def learn(self, day, rest, passed, plan):
        """`rest` has the day's highest scores that remained without each family."""
        for name in self.sums:
            self.sums[name] *= kept(passed, 30)
        for name in self.tops:
            self.tops[name] *= kept(passed, 60)
        if not day["messages"]:
            return
        calm = {family for family in FAMILIES if rest[family] < 3.5}
        for family in calm & SUMS.keys():
            for name in SUMS[family]:
                self.sums[name] += day[name]
        if "origin" in calm:
            self.sums["activeDays"] += 1
            if day["hadFamiliar"] or self.sums["activeDays"] > 6:
                self.sums["days"] += 1
                self.sums["strangeDays"] += day["isStrange"]
        floors = {"networks": 2, "names": 2, "logins": 4, "inADay": plan, "inAnHour": plan / 2, "fanOut": plan / 2}
        for family in calm & TOPS.keys():
            for name in TOPS[family]:
                peak = self.tops[name]
                self.tops[name] = max(peak, min(day[name], max(peak, floors[name]) * 1.5))


class Ballot:
    def __init__(self, cast=0, shares=(0, 0, 0, 0), messages=0):
        self.cast, self.shares, self.messages = cast, shares, messages


RELAYS_REFUSE = "relays refuse most of what anybody sends"


class Climate:
    """What all accounts meet at present: shares that were condemned, unknown, deferred and refused."""

    def __init__(self):
        self.updated, self.votes, self.sums = 0, 0, (0, 0, 0, 0)
        self.flagged = Window(MINUTE, 10)
        self.day, self.active, self.active_before = 0, 0, 0
        self.refused_in_a_row = 0

    def advance(self, now):
        left = kept(now - self.updated, 10 * MINUTE)
        self.updated = now
        self.votes *= left
        self.sums = tuple(x * left for x in self.sums)
        if now // DAY != self.day:
            self.active_before = self.active if now // DAY == self.day + 1 else 0
            self.active, self.day = 0, now // DAY

    def stop(self, now):
        """Why nobody is suspended now."""
        if self.votes >= 5:
            limit = 0.3 * (self.votes + 10)
            if self.sums[0] > limit:
                return "the scanner calls most of what anybody sends spam"
            if sum(self.sums[1:]) > limit:
                return RELAYS_REFUSE
        if self.flagged.total(now) > max(5, 0.005 * max(self.active, self.active_before)):
            return "more accounts were flagged within ten minutes than can have been stolen"
        return None

    def hear(self, replies, is_taken):
        if is_taken and "accepted" in replies:
            self.refused_in_a_row = 0
        else:
            self.refused_in_a_row += sum(kind != "accepted" or is_taken is False for kind in replies)

    def believed(self, found):
        """Without what relays hold against anybody, while they refuse one recipient after the other."""
        if self.refused_in_a_row < 3:
            return found
        return {**found, "delivery": min(0, found["delivery"]), "refusals": 0}

    def others(self, ballot):
        own = kept(self.updated - ballot.cast, 10 * MINUTE)
        count = max(0, self.votes - own) + 10
        return [max(0, a - b * own) / count for a, b in zip(self.sums, ballot.shares)]

    def vote(self, shares, ballot):
        own = kept(self.updated - ballot.cast, 10 * MINUTE)
        if own < 0.5 or ballot.messages == 0:
            self.votes += 1
            self.sums = tuple(a + b for a, b in zip(self.sums, shares))
            return Ballot(self.updated, shares, 1)
        count = ballot.messages + 1
        mean = tuple(a + (b - a) * max(1 / count, 0.3) for a, b in zip(ballot.shares, shares))
        self.sums = tuple(max(0, a + (b - c) * own) for a, b, c in zip(self.sums, mean, ballot.shares))
        return Ballot(ballot.cast, mean, count)


class Marks:
    """Networks and texts of accounts; the oldest is overwritten first."""

    def __init__(self, most, memory):
        self.most, self.memory, self.entries, self.next = most, memory, [], 0

    def count(self, account, where, text, now):
        """How many others left one like this; three at most."""
        seen, count = (account, account), 0
        for other, its_network, its_text, time in self.entries:
            if other in seen or other == account or now - time >= self.memory:
                continue
            has_text = text is not None and its_text is not None and is_same_text(text, its_text)
            if has_text or where is not None and where == its_network:
                seen, count = (seen[1], other), count + 1
                if count == 3:
                    break
        return count

    def note(self, account, where, text, now):
        for entry in self.entries:
            same = entry[2] == text if None in (entry[2], text) else is_same_text(entry[2], text)
            if entry[:2] == [account, where] and same:
                entry[3] = now
                return
        if len(self.entries) < self.most:
            self.entries.append([account, where, text, now])
        else:
            self.entries[self.next] = [account, where, text, now]
        self.next = (self.next + 1) % self.most
