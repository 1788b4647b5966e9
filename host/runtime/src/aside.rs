//! Work that must not hold up traffic: it runs on a thread of its own, at a low priority.
use std::future::Future;
use std::pin::Pin;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Of 19, which is least: a tenth of a busy core, all of an idle one.
const NICE: i32 = 10;

/// Gives the calling thread a low priority, for good: without a privilege nobody raises one again.
pub(crate) fn step_back() {
    // On Linux the priority of process 0 is that of the calling thread. Refused, it works as fast as the rest.
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// Runs a future to its end on a thread of its own. For what reads, checks, hashes and writes whole files between its waits:
/// on a worker of the runtime, everything that waits for that worker would wait for the disk as well.
///
/// Where no thread can be had, it runs here.
pub async fn aside<T: Send + 'static>(work: Pin<Box<dyn Future<Output = T> + Send>>) -> T {
    let (done, outcome) = oneshot::channel();
    let (hand_over, taken) = oneshot::channel();
    let here = Handle::current();
    let thread = std::thread::Builder::new().name("aside".into()).spawn(move || {
        step_back();
        if let Ok(work) = taken.blocking_recv() {
            // Nobody waits any more: whoever asked is gone, and the work is done all the same.
            let _ = done.send(here.block_on(work));
        }
    });
    let work = match thread {
        Ok(_) => match hand_over.send(work) {
            Ok(()) => match outcome.await {
                Ok(outcome) => return outcome,
                // The work panicked, and its thread has said so; or the runtime ends, and nobody waits for an answer.
                Err(_) => return std::future::pending().await,
            },
            Err(work) => work,
        },
        Err(_) => work,
    };
    work.await
}
