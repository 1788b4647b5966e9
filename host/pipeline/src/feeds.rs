//! Who looks on live: those who follow a feed's topic, and those who want to know who is writing.
//!
//! Nothing here is kept. What is published is a row, and a follower is only told to look; what flashes goes to those who
//! look at that moment, and where one is slow it is dropped. A topic that nobody follows costs nothing.
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::broadcast;
use tributary_model::{ChannelName, ConversationId, Timestamp};
use tributary_runtime::FeedSink;

/// How much one follower may have before it before the oldest is dropped.
const WAITING: usize = 64;

/// What a follower of a topic is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// There is more in the store.
    Look,
    /// Shown once, and kept nowhere.
    Flash {
        /// The event's name.
        name: Arc<str>,
        /// Its text.
        data: Arc<str>,
    },
}

/// Somebody is writing in a conversation, on the customer's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// The conversation.
    pub conversation: ConversationId,
    /// When it was told.
    pub at: Timestamp,
}

type Topic = (ChannelName, Box<str>);

/// The followers of every topic.
#[derive(Debug)]
pub struct Feeds {
    topics: Mutex<HashMap<Topic, broadcast::Sender<Told>>>,
    writing: broadcast::Sender<Writing>,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { topics: Mutex::default(), writing: broadcast::Sender::new(WAITING) }
    }
}

/// One follower of one topic. Register, then look into the store, then wait.
pub struct Following {
    feeds: Arc<Feeds>,
    topic: Topic,
    told: broadcast::Receiver<Told>,
}

impl Feeds {
    /// Follows a topic of a channel.
    pub fn follow(self: &Arc<Self>, channel: &ChannelName, topic: &str) -> Following {
        let topic: Topic = (channel.clone(), topic.into());
        let told =
            self.topics.lock().entry(topic.clone()).or_insert_with(|| broadcast::Sender::new(WAITING)).subscribe();
        Following { feeds: self.clone(), topic, told }
    }

    /// There is more of this topic in the store.
    pub(crate) fn published(&self, channel: &ChannelName, topic: &str) {
        self.tell(channel, topic, || Told::Look);
    }

    /// Follows who is writing, in all conversations.
    pub fn writing(&self) -> broadcast::Receiver<Writing> {
        self.writing.subscribe()
    }

    pub(crate) fn writes(&self, writing: Writing) {
        // Nobody looks: nothing to tell.
        let _ = self.writing.send(writing);
    }

    fn tell(&self, channel: &ChannelName, topic: &str, what: impl FnOnce() -> Told) {
        if let Some(followers) = self.topics.lock().get(&(channel.clone(), topic.into())) {
            let _ = followers.send(what());
        }
    }
}

impl FeedSink for Feeds {
    fn flash(&self, channel: &ChannelName, topic: &str, name: &str, data: &str) {
        self.tell(channel, topic, || Told::Flash { name: name.into(), data: data.into() });
    }
}

impl Following {
    /// What comes next. One that was too slow for what flashed is told to look.
    pub async fn next(&mut self) -> Told {
        match self.told.recv().await {
            Ok(told) => told,
            // The sender lives as long as this follower does.
            Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => Told::Look,
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut topics = self.feeds.topics.lock();
        // This one still counts.
        if topics.get(&self.topic).is_some_and(|followers| followers.receiver_count() <= 1) {
            topics.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_follower_is_told_of_its_topic_only_and_a_topic_ends_with_its_last_follower() {
        let feeds = Arc::new(Feeds::default());
        let chat = ChannelName::from("chat");
        let mut one = feeds.follow(&chat, "v1");
        let two = feeds.follow(&chat, "v1");
        feeds.published(&chat, "v2");
        feeds.published(&"web".into(), "v1");
        feeds.flash(&chat, "v1", "typing", "{}");
        feeds.published(&chat, "v1");
        assert_eq!(one.next().await, Told::Flash { name: "typing".into(), data: "{}".into() });
        assert_eq!(one.next().await, Told::Look);
        for n in 0..100 {
            feeds.flash(&chat, "v1", "typing", &n.to_string());
        }
        assert_eq!(one.next().await, Told::Look, "it was too slow");
        drop(one);
        assert_eq!(feeds.topics.lock().len(), 1);
        drop(two);
        assert!(feeds.topics.lock().is_empty());
    }
}
