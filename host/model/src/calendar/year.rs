//! One year of a calendar: its open intervals, in order and without overlap, with what was open before each.

/// The first year that is worked out: zones west of Greenwich begin 1970 in it.
pub(super) const FIRST: i16 = 1969;

/// How many years there are: the last is 2199.
pub(super) const YEARS: usize = 231;

/// The mean Gregorian year, in milliseconds.
const MEAN: i64 = 31_556_952_000;

/// The index of a year that is not after the one before this moment's, and not much earlier: a mean year errs by two days.
pub(super) fn before(at: i64) -> usize {
    usize::try_from(at.max(0) / MEAN).unwrap_or(usize::MAX).min(YEARS)
}

/// An open interval, half open, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
struct Open {
    from: i64,
    to: i64,
    /// What was open in this year before it.
    before: i64,
}

/// See the file's head.
#[derive(Clone, Debug)]
pub(super) struct Year(Box<[Open]>);

impl Year {
    /// Made of the periods that begin in it. What is before `taken` counts for the year before. Periods that touch or
    /// overlap are one.
    pub(super) fn new(mut periods: Vec<(i64, i64)>, taken: i64) -> Self {
        periods.sort_unstable();
        let mut open: Vec<Open> = Vec::with_capacity(periods.len());
        let (mut end, mut before) = (taken, 0);
        for (from, to) in periods {
            let from = from.max(end);
            match open.last_mut() {
                _ if to <= from => continue,
                Some(last) if last.to == from => last.to = to,
                _ => open.push(Open { from, to, before }),
            }
            before += to - from;
            end = to;
        }
        Self(open.into())
    }

    /// How much of it was open until this moment.
    pub(super) fn open_until(&self, at: i64) -> i64 {
        let begun = self.0.partition_point(|open| open.from < at);
        self.0[..begun].last().map_or(0, |open| open.before + at.min(open.to) - open.from)
    }

    /// When so much of it has been open: more than nothing, and no more than it has.
    pub(super) fn when(&self, open: i64) -> i64 {
        let index = self.0.partition_point(|it| it.before < open);
        self.0[..index].last().map_or(i64::MAX, |it| it.from + open - it.before)
    }

    /// The beginning of the interval that this moment is in, or of the next one.
    pub(super) fn open_after(&self, at: i64) -> Option<i64> {
        self.0.get(self.0.partition_point(|open| open.to <= at)).map(|open| open.from)
    }

    /// Whether anything of it is before this moment; an empty year may always be passed over.
    pub(super) fn begins_before(&self, at: i64) -> bool {
        self.0.first().is_none_or(|open| open.from < at)
    }
}
