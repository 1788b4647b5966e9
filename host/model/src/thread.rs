//! Which conversation a message belongs to: the hints in the order of what they prove.
use crate::ConversationId;
use crate::message::ThreadHints;

/// One question to the store. The first that finds a conversation decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question<'a> {
    /// The conversation that gave out this secret.
    ReplyToken(&'a str),
    /// The conversation that has a message of this external id.
    ExternalId(&'a str),
    /// The conversation of this channel with this dialogue id.
    ThreadKey(&'a str),
    /// This conversation, but only if the author already belongs to it: a subject is typed by anybody.
    TagOf(ConversationId),
}

/// The questions for a message, best first: reply token, In-Reply-To, References from the last to the first (RFC 5322
/// 3.6.4 puts the parent last; some clients do not, so all are asked), the channel's own key, the tag. Asks about 50
/// references at most: the newest 40 and the oldest 10.
pub fn questions(hints: &ThreadHints) -> Vec<Question<'_>> {
    let mut questions = Vec::new();
    questions.extend(hints.reply_token.as_deref().map(Question::ReplyToken));
    questions.extend(hints.in_reply_to.as_deref().map(Question::ExternalId));
    let references = &hints.references;
    let newest = references.iter().rev().take(40);
    let oldest = references.iter().take(references.len().saturating_sub(40)).take(10);
    for reference in newest.chain(oldest) {
        let question = Question::ExternalId(reference);
        if !questions.contains(&question) {
            questions.push(question);
        }
    }
    questions.extend(hints.thread_key.as_deref().map(Question::ThreadKey));
    questions.extend(hints.tag.as_deref().and_then(ConversationId::from_tag).map(Question::TagOf));
    questions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proof_comes_before_habit_and_nothing_is_asked_twice() {
        let hints = ThreadHints {
            reply_token: Some("secret".into()),
            tag: Some("T7".into()),
            in_reply_to: Some("c".into()),
            references: vec!["a".into(), "b".into(), "c".into()],
            thread_key: Some("k".into()),
            order_id: None,
        };
        use Question::*;
        assert_eq!(
            questions(&hints),
            [
                ReplyToken("secret"),
                ExternalId("c"),
                ExternalId("b"),
                ExternalId("a"),
                ThreadKey("k"),
                TagOf(ConversationId(7))
            ]
        );
    }

    #[test]
    fn a_flood_of_references_is_bounded() {
        let hints = ThreadHints { references: (0..10_000).map(|n| n.to_string()).collect(), ..Default::default() };
        assert_eq!(questions(&hints).len(), 50);
    }
}
