//! What was kept aside goes back to work, when a person says so.
use crate::receive::{How, ReceiveError, Received};
use crate::{Pipeline, now};
use tributary_model::{ConversationId, ParkedId};
use tributary_store::{ParkedWhat, StoreError};

/// How something went back to work.
#[derive(Clone, Debug, PartialEq)]
pub enum Replayed {
    /// An arrival was read, and belongs to these conversations.
    Accepted {
        /// In the order of its messages.
        conversations: Vec<ConversationId>,
    },
    /// A happening, an outgoing message or an operation waits for its stage again.
    Queued,
}

/// Why it did not go back to work.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is nothing of this id.
    #[error("nothing is parked under this id")]
    Unknown,
    /// It went back to work before.
    #[error("it was replayed already")]
    Done,
    /// It failed again; it stays parked, with the new cause.
    #[error("it failed again: {0}")]
    Failed(String),
    /// The store did not take it.
    #[error("the store did not take it")]
    Store(#[from] StoreError),
}

impl Pipeline {
    /// Tries once more what was kept aside. `by` is the actor in the event log.
    pub async fn replay(&self, id: ParkedId, by: &str) -> Result<Replayed, ReplayError> {
        let (parked, arrival) = self.store.parked_one(id).await?.ok_or(ReplayError::Unknown)?;
        if parked.replayed.is_some() {
            return Err(ReplayError::Done);
        }
        match (parked.what, arrival) {
            (ParkedWhat::Arrival(_), Some(stored)) => {
                let how = How::Back(id, stored.at);
                let received = self.receive_as(&stored.channel, stored.arrival, how).await;
                match received {
                    Ok(Received::Accepted { conversations, .. }) => Ok(Replayed::Accepted { conversations }),
                    Ok(Received::Parked(_)) => {
                        let again = self.store.parked_one(id).await?;
                        Err(ReplayError::Failed(again.map(|(parked, _)| parked.why).unwrap_or_default()))
                    }
                    Ok(Received::Ignored(why) | Received::Unauthenticated(why)) => Err(ReplayError::Failed(why)),
                    Err(ReceiveError::Store(error)) => Err(ReplayError::Store(error)),
                    Err(error) => Err(ReplayError::Failed(error.to_string())),
                }
            }
            (ParkedWhat::Arrival(_), None) => Err(ReplayError::Failed("its raw arrival is gone".into())),
            (ParkedWhat::Happening(_) | ParkedWhat::Outgoing(_) | ParkedWhat::Operation(_), _) => {
                if !self.store.unpark(id, by, now()).await? {
                    return Err(ReplayError::Done);
                }
                self.happenings_wait.notify_one();
                self.outgoing_waits.notify_one();
                self.operations_wait.notify_one();
                Ok(Replayed::Queued)
            }
        }
    }
}
