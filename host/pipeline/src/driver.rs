//! Owns every background task: each has a name and a kept handle, and none outlives a stop.
use parking_lot::Mutex;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// The one place that spawns. A task that panics is counted and reported by name at the stop.
pub struct Driver {
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<(String, JoinHandle<()>)>>,
}

/// Tells a task to stop.
#[derive(Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Returns once the stop was ordered.
    pub async fn ordered(&mut self) {
        // An error means that the driver is gone, which is a stop as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Whether the stop was ordered.
    pub fn is_ordered(&self) -> bool {
        *self.0.borrow()
    }

    /// The watch itself, for doors that take one.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }
}

/// How a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its name.
    pub name: String,
    /// Whether it still runs.
    pub running: bool,
}

impl Default for Driver {
    fn default() -> Self {
        Self::new()
    }
}

impl Driver {
    /// A driver without tasks.
    pub fn new() -> Self {
        Self { stop: watch::Sender::new(false), tasks: Mutex::new(Vec::new()) }
    }

    /// What tasks watch for the stop.
    pub fn stop(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Starts a task under a name.
    pub fn spawn(&self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let name = name.into();
        let span = tracing::info_span!("task", name = %name);
        let handle = tokio::spawn(task.instrument(span));
        self.tasks.lock().push((name, handle));
    }

    /// How every task stands.
    pub fn status(&self) -> Vec<TaskStatus> {
        let tasks = self.tasks.lock();
        tasks.iter().map(|(name, task)| TaskStatus { name: name.clone(), running: !task.is_finished() }).collect()
    }

    /// Orders the stop and waits, `grace` in all; then takes away what still runs. Returns the names of the tasks that had
    /// to be taken away or had panicked.
    pub async fn shut_down(&self, grace: Duration) -> Vec<String> {
        self.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        let deadline = tokio::time::Instant::now() + grace;
        let mut unclean = Vec::new();
        for (name, mut task) in tasks {
            match tokio::time::timeout_at(deadline, &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => unclean.push(name),
                Err(_) => {
                    task.abort();
                    unclean.push(name);
                }
            }
        }
        unclean
    }
}
