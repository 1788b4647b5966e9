"""Working time reckoned the plain way, minute by minute, with Python's own time zones.

Reads {"from": ms, "to": ms, "calendars": [...]} on standard input: a calendar is what `[calendar.NAME]` has, and `cases`,
each a start, a working time and a second moment, in milliseconds. Answers, for each case, when the working time has passed
since the start, what of the time to the second moment was worked, and when somebody is there from the start on; null:
after `to`.

Whether somebody is there in a minute is what the clock on the wall says at the latest so far: when it is put back, it has
to catch up before anything opens or closes. Intervals, sorting and rules for hours that are missing or come twice, which
the daemon has, are not needed.
"""

import json
import sys
import zoneinfo
from array import array
from bisect import bisect_left
from datetime import date, datetime, timedelta
from itertools import accumulate

# The database of the package, whatever the machine has.
zoneinfo.reset_tzpath(to=())

EPOCH = date(1970, 1, 1)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MINUTE = 60_000


def walls(name, first, last):
    """What the clock on the wall has shown at the latest, in minutes since 1970, in each minute."""
    zone = zoneinfo.ZoneInfo(name)
    shown, latest = array("q"), 0
    for minute in range(first, last):
        at = datetime.fromtimestamp(minute * 60, zone)
        latest = max(latest, minute + int(at.utcoffset().total_seconds()) // 60)
        shown.append(latest)
    return shown


def dates(text):
    first, _, last = text.partition("/")
    day, last = date.fromisoformat(first), date.fromisoformat(last or first)
    while day <= last:
        yield day
        day += timedelta(days=1)


def minutes(text):
    return int(text[:2]) * 60 + int(text[3:])


def opened(calendar, shown):
    """For each minute, 1 where somebody is there."""
    off = {day for text in calendar["holidays"] for day in dates(text)}
    like = {date.fromisoformat(it["date"]): DAYS.index(it["like"]) for it in calendar["working-days"]}
    begin = shown[0] // 1440 - 3
    days = shown[-1] // 1440 + 3 - begin
    worked = bytearray(days * 1440)
    for number in range(days - 2):
        day = EPOCH + timedelta(days=begin + number)
        weekday = like.get(day, None if day in off else day.weekday())
        for period in calendar["opening"]:
            if weekday is not None and DAYS[weekday] in period["days"]:
                start, end = minutes(period["from"]), minutes(period["to"])
                for minute in range(start, end if end > start else end + 1440):
                    worked[number * 1440 + minute] = 1
    return bytes(worked[minute - begin * 1440] for minute in shown)


def answers(calendar, shown, first):
    there = opened(calendar, shown)
    before = array("q", accumulate(there, initial=0))

    def worked(at):
        minute, rest = divmod(at, MINUTE)
        return before[minute - first] * MINUTE + (rest if there[minute - first] else 0)

    def reached(total):
        index = bisect_left(before, -(-total // MINUTE)) - 1
        if index + 1 >= len(before):
            return None
        return (first + index) * MINUTE + total - before[index] * MINUTE

    for start, working, other in calendar["cases"]:
        minute = start // MINUTE - first
        found = there.find(1, minute)
        due = reached(worked(start) + working) if working else start
        elapsed = max(worked(other) - worked(start), 0)
        yield due, elapsed, None if found < 0 else max(start, (first + found) * MINUTE)


def main():
    asked = json.load(sys.stdin)
    first, last = asked["from"] // MINUTE, asked["to"] // MINUTE
    shown = {}
    said = []
    for calendar in asked["calendars"]:
        zone = calendar["zone"]
        if zone not in shown:
            shown[zone] = walls(zone, first, last)
        said.append(list(answers(calendar, shown[zone], first)))
    json.dump(said, sys.stdout)


main()
