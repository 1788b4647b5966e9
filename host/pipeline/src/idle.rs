//! Deciding when nothing else is to be done.
//!
//! A sender waits for its answer, and where it does not get one in time it is refused or comes again; nobody waits for a
//! decision in the same way. So a happening is decided when a thread of the executor has run out of other work, which
//! under any load but the heaviest is at once, and at the latest when it has waited for [`AT_MOST`].
use crate::now;
use std::time::Duration;
use tokio::sync::Notify;
use tributary_model::Timestamp;

/// How long a happening gives way. A burst of so long is taken first; in what lasts longer both have their share.
const AT_MOST: Duration = Duration::from_secs(2);

/// The moments in which a thread of the executor has nothing to do.
#[derive(Debug, Default)]
pub struct Idle(Notify);

impl Idle {
    /// A thread of the executor is about to sleep: for `on_thread_park` of the runtime that the stages run on.
    pub fn parks(&self) {
        self.0.notify_one();
    }

    /// Waits for such a moment; each is for one who waits. Who came in long ago waits for none.
    pub(crate) async fn wait(&self, since: Timestamp) {
        let left = AT_MOST.saturating_sub(now().since(since));
        if !left.is_zero() {
            tokio::select! {
                () = self.0.notified() => {}
                () = tokio::time::sleep(left) => {}
            }
        }
    }
}
