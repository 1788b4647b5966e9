//! What channels are asked besides reading and sending: recorded, made again from the tape alone, and compared.
use super::{Studio, channel};
use crate::house::{House, World, built, context};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tributary_model::message::{Handle, HandleKind, Response, SendError, Sign};
use tributary_model::order::Operation;
use tributary_runtime::record::{Function, Outcome, Summary, Wanted, replay};
use tributary_runtime::{Adapter, Egress, EgressError, GrantedRequest, Package, Settings};

/// A marketplace that knows no order, and counts who asks.
#[derive(Default)]
struct Shop(AtomicUsize);

#[async_trait]
impl Egress for Shop {
    async fn send(&self, _: GrantedRequest) -> Result<Response, EgressError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Response { status: 200, headers: Vec::new(), body: br#"{"data":{"order":null}}"#.to_vec() })
    }
}

fn shopify(package: &Package, version: &str) -> Settings {
    let config = format!("shop = 'a.myshopify.com'\napi = 'https://a.myshopify.com'\napi-version = '{version}'");
    let mut settings = channel(&["shopify-token"]);
    settings.grants.egress = vec!["https://a.myshopify.com".into()];
    Settings { config: package.effective_config(&toml::from_str(&config).unwrap()).unwrap(), ..settings }
}

#[tokio::test]
async fn what_a_marketplace_is_asked_and_told_is_made_again_without_reaching_it() {
    let Some(package) = built("channel-shopify") else { return };
    let shop = Arc::new(Shop::default());
    let world = World {
        http: Some(Arc::clone(&shop) as _),
        secrets: vec![("shopify-token", "shpat_0123456789abcdef")],
        ..World::default()
    };
    let studio = Studio::of(world, |_| {});
    let live = studio.house.load(&package, shopify(&package, "2026-07")).await;
    assert_eq!(live.look_up(context(), "1001").await.unwrap().result, Ok(None));
    let operation = Operation::CreateReturn("1001".into());
    let refused = live.perform(context(), &operation, "key-1").await.unwrap().result;
    assert!(matches!(refused, Err(SendError::Permanent(_))), "{refused:?}");
    let polled = live.poll(context(), Some("7")).await.unwrap().result.unwrap();
    assert_eq!(polled.events, []);
    let asked = shop.0.load(Ordering::Relaxed);
    assert!(asked >= 2);

    let functions = [Function::LookUp, Function::Perform, Function::Poll];
    let recorded: Vec<_> = studio.read(Wanted::default()).collect();
    assert_eq!(recorded.iter().map(|recording| recording.function).collect::<Vec<_>>(), functions);
    let json = recorded[1].to_json(None);
    assert_eq!(json["function"], "commerce.perform");
    assert_eq!(
        json["input"],
        serde_json::json!({
            "operation": { "CreateReturn": "1001" }, "idempotency_key": "key-1",
        })
    );
    assert!(recorded.iter().all(|recording| !recording.to_json(None).to_string().contains("shpat_")));

    // Again where everything would answer: nothing is asked.
    let summary = replay(&live, recorded.clone().into_iter(), |_| {}).await;
    assert_eq!(summary, Summary { calls: 3, same: 3, ..Summary::default() });
    assert_eq!(shop.0.load(Ordering::Relaxed), asked, "a replayed call reaches nobody");
    assert_eq!(studio.counts().recorded, 3, "nor is it recorded");

    // Another version of the API is another question, which is on no tape.
    let candidate = studio.house.load(&package, shopify(&package, "2026-10")).await;
    let mut different = Vec::new();
    let summary = replay(&candidate, recorded.clone().into_iter(), |replayed| {
        if matches!(replayed.outcome, Outcome::Different(_)) {
            different.push(replayed.function);
        }
    })
    .await;
    assert_eq!((summary.calls, summary.faults), (3, 0));
    assert_eq!(different, [Function::LookUp, Function::Perform]);
    assert_eq!(shop.0.load(Ordering::Relaxed), asked);

    // A channel without those roles has no use for them.
    if let Some(email) = built("channel-email") {
        let config = email.effective_config(&toml::from_str("from = 'help@shop.example'").unwrap()).unwrap();
        let email = House::new().load(&email, Settings { config, ..channel(&[]) }).await;
        let summary = replay(&email, recorded.into_iter(), |_| {}).await;
        assert_eq!(summary, Summary { left_out: 3, ..Summary::default() });
    }
}

#[tokio::test]
async fn a_sign_that_was_shown_is_shown_again_to_nobody() {
    let Some(package) = built("channel-webchat") else { return };
    let studio = Studio::of(World::default(), |_| {});
    let config = toml::from_str("origins = ['https://shop.example']").unwrap();
    let settings = Settings { config: package.effective_config(&config).unwrap(), ..channel(&[]) };
    let live = studio.house.load(&package, settings).await;
    let to = [Handle { kind: HandleKind::Visitor, value: "c-1".into(), verified: true }];
    for sign in [Sign::Typing, Sign::Read("c-1/m-1".into())] {
        live.show(context(), &to, &sign).await.unwrap().result.unwrap();
    }
    let inputs: Vec<_> = studio.read(Wanted::default()).map(|one| one.to_json(None)["input"]["sign"].clone()).collect();
    assert_eq!(inputs, [serde_json::json!("Typing"), serde_json::json!({ "Read": "c-1/m-1" })]);
    let shown = studio.flashes();
    let wanted = Wanted { function: Some(Function::Show), ..Wanted::default() };
    let summary = replay(&live, studio.read(wanted), |_| {}).await;
    assert_eq!(summary, Summary { calls: 2, same: 2, ..Summary::default() });
    assert!(shown > 0);
    assert_eq!(studio.flashes(), shown);
}
