//! What the shop says and does.
use crate::world::{NOW, World};
use serde_json::{Value, json};
use tributary_sdk::testing::{self, Item};
use tributary_sdk::types::{Attachment, Attribute, Content, DeliveryState, Handle, HandleKind, SendError};
use tributary_sdk::{Channel, Outgoing, Presence, Sign};

/// A message of an agent to a visitor.
pub fn outgoing(id: &str, visitor: &str, text: &str) -> Outgoing {
    let to =
        vec![Handle::claimed(HandleKind::Email, "li@shop.example"), Handle::verified(HandleKind::Visitor, visitor)];
    Outgoing { id: id.into(), at: NOW, ..testing::outgoing(to, Content::plain(text)) }
}

fn shown(item: &Item) -> Value {
    serde_json::from_str(&item.data).unwrap()
}

#[test]
fn a_message_is_put_before_its_visitor_once() {
    let world = World::new(json!({}));
    let (_, visitor) = world.anonymous();
    for _ in 0..2 {
        let delivery =
            testing::with(&world.host, || world.chat.send(outgoing("17", &visitor, "是的，防水。"))).unwrap();
        assert_eq!(delivery.state, DeliveryState::Accepted);
    }
    let feed = world.host.feed();
    assert_eq!(feed.len(), 1);
    assert_eq!((feed[0].topic.as_str(), feed[0].name.as_str()), (visitor.as_str(), "message"));
    let item = shown(&feed[0]);
    assert_eq!((&item["from"], &item["text"], &item["at"]), (&json!("agent"), &json!("是的，防水。"), &json!(NOW)));
    assert!(!feed[0].data.contains("secret"), "the reply token is for channels that quote");
}

#[test]
fn an_answer_goes_to_the_visitor_who_asked() {
    let world = World::new(json!({ "reply-window-hours": 0 }));
    let mut message = outgoing("17", "the-phone", "Yes.");
    message.attributes = vec![Attribute::new("visitor", "the-laptop")];
    testing::with(&world.host, || world.chat.send(message)).unwrap();
    assert_eq!(world.host.feed()[0].topic, "the-laptop");
}

#[test]
fn a_file_of_the_shop_may_be_fetched_by_its_visitor() {
    let world = World::new(json!({}));
    let (token, visitor) = world.anonymous();
    let host = world.host.clone().blob(b"a label");
    let blob = testing::FakeHost::blob_id(b"a label");
    let file = Attachment {
        blob: blob.clone(),
        name: "label.pdf".into(),
        media_type: "application/pdf".into(),
        size: 7,
        content_id: None,
    };
    let mut message = outgoing("17", &visitor, "");
    message.content.attachments.push(file);
    testing::with(&host, || world.chat.send(message)).unwrap();
    let item = shown(&host.feed()[0]);
    assert_eq!(item["files"][0], json!({ "id": blob, "name": "label.pdf", "type": "application/pdf", "size": 7 }));
    let answer = world.quiet(crate::world::call("GET", &format!("/files/{blob}"), Some(&token)));
    assert_eq!((answer.status, answer.header("blob-body")), (200, Some(blob.as_str())));
}

#[test]
fn what_cannot_be_shown_says_why() {
    let world = World::new(json!({ "reply-window-hours": 24 }));
    let (_, visitor) = world.anonymous();
    let send = |message: Outgoing| testing::with(&world.host, || world.chat.send(message)).unwrap_err();
    let mut nobody = outgoing("1", &visitor, "hello");
    nobody.to.pop();
    assert!(matches!(send(nobody), SendError::Permanent(_)));
    assert!(matches!(send(outgoing("1", &visitor, " \n")), SendError::Permanent(_)));
    assert!(matches!(send(outgoing("1", &visitor, &"x".repeat(70_000))), SendError::Permanent(_)));
    assert!(matches!(send(outgoing("1", "never-seen", "hello")), SendError::WindowClosed(_)));
    drop(world.host.clone().now(NOW + 24 * 3_600_000));
    assert!(matches!(send(outgoing("1", &visitor, "hello")), SendError::WindowClosed(_)));
    assert_eq!(world.host.feed(), []);
}

#[test]
fn signs_are_shown_to_the_visitor() {
    let world = World::new(json!({}));
    let show =
        |sign| testing::with(&world.host, || world.chat.show(vec![Handle::verified(HandleKind::Visitor, "v")], sign));
    show(Sign::Typing).unwrap();
    for _ in 0..2 {
        show(Sign::Read("v/m1".into())).unwrap();
    }
    let item = |key: Option<&str>, name: &str, data: &str| Item {
        topic: "v".into(),
        key: key.map(str::to_owned),
        name: name.into(),
        data: data.into(),
    };
    let expected = [item(None, "typing", "{}"), item(Some("read/m1"), "read", "{\"id\":\"m1\"}")];
    assert_eq!(world.host.feed(), expected);
    assert!(show(Sign::Read("m1".into())).is_err());
}
