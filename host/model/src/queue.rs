//! The order of the queue: grade first, then the nearest due time, then age.
use crate::ConversationId;
use crate::decision::Grade;
use crate::time::Timestamp;

/// Where a conversation stands in the queue: the smallest key is next. The store keeps the same three columns and the
/// id, in this order, in one index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key {
    /// 0 for an emergency, 3 for an inquiry or a conversation not graded yet.
    pub rank: u8,
    /// When the nearest clock is breached; the end of time where none runs.
    pub due: Timestamp,
    /// Since when the customer waits.
    pub since: Timestamp,
    /// Breaks ties, oldest first.
    pub id: ConversationId,
}

/// What stands for "no clock runs": larger than any real moment, and small enough for a signed column.
pub const NEVER: Timestamp = Timestamp(i64::MAX as u64);

/// The rank of a grade.
pub fn rank(grade: Option<Grade>) -> u8 {
    match grade {
        Some(Grade::Emergency) => 0,
        Some(Grade::Dispute) => 1,
        Some(Grade::SimpleComplaint) => 2,
        Some(Grade::Inquiry) | None => 3,
    }
}

/// Who asked for a conversation that somebody else has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The agent.
    pub agent: crate::AgentName,
    /// Until when, unless the agent renews it.
    pub until: Timestamp,
}

impl Holder {
    /// Whether the lease still counts.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emergency_goes_first_then_the_nearest_due_then_the_oldest() {
        let key = |grade, due, since, id| Key {
            rank: rank(grade),
            due: Timestamp(due),
            since: Timestamp(since),
            id: ConversationId(id),
        };
        let mut keys = [
            key(None, u64::MAX, 1, 1),
            key(Some(Grade::Inquiry), 50, 9, 2),
            key(Some(Grade::Emergency), 90, 9, 3),
            key(Some(Grade::Dispute), 10, 9, 4),
            key(Some(Grade::Dispute), 10, 8, 5),
        ];
        keys.sort();
        assert_eq!(keys.map(|k| k.id.0), [3, 5, 4, 2, 1]);
    }
}
