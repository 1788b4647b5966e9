//! What an operator sees of the mail doors. Alone in its program, because the recorder is the process's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "smtp_support/harness.rs"]
mod harness;

use harness::{open, smtp};
use metrics_exporter_prometheus::PrometheusBuilder;

#[tokio::test]
async fn every_outcome_is_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).unwrap();

    let mut settings = smtp();
    settings.max_message_bytes = 65_536;
    settings.max_connections = 2;
    let door = open(settings).await;
    let mut peer = door.hello("EHLO").await;
    for (recipient, body, code) in
        [("b", "hi", "250"), ("failing", "hi", "451"), ("rejecting", "hi", "554"), ("b", &*"x".repeat(70_000), "552")]
    {
        peer.begin(recipient).await;
        peer.ask(&format!("{body}\r\n."), code).await;
    }
    peer.begin("b").await;
    let mut idle = door.hello("EHLO").await;
    door.connect().await.expect("421").await;
    idle.ask("MAIL FROM:<>", "250").await;
    idle.ask("RCPT TO:<unknown@x.example>", "550").await;
    idle.ask("QUIT", "221").await;
    idle.expect_closed().await;
    drop(idle);
    drop(peer);
    door.close().await;

    let seen = handle.render();
    for line in [
        r#"tributary_smtp_mails_total{protocol="smtp",outcome="stored"} 1"#,
        r#"tributary_smtp_mails_total{protocol="smtp",outcome="deferred"} 1"#,
        r#"tributary_smtp_mails_total{protocol="smtp",outcome="rejected"} 1"#,
        r#"tributary_smtp_mails_total{protocol="smtp",outcome="too_big"} 1"#,
        r#"tributary_smtp_mail_bytes_total{protocol="smtp"} 4"#,
        r#"tributary_smtp_recipients_total{protocol="smtp",outcome="accepted"} 5"#,
        r#"tributary_smtp_recipients_total{protocol="smtp",outcome="unknown"} 1"#,
        r#"tributary_smtp_errors_total{protocol="smtp"} 1"#,
        r#"tributary_smtp_connections_total{protocol="smtp",outcome="accepted"} 2"#,
        r#"tributary_smtp_connections_total{protocol="smtp",outcome="over_limit"} 1"#,
        r#"tributary_smtp_connections{protocol="smtp"} 0"#,
        r#"tributary_smtp_sessions_total{protocol="smtp",ending="closed"} 1"#,
        r#"tributary_smtp_sessions_total{protocol="smtp",ending="gone"} 1"#,
        r#"tributary_smtp_reply_seconds_count{protocol="smtp"} 3"#,
    ] {
        assert!(seen.lines().any(|got| got == line), "no {line} in\n{seen}");
    }
}
