//! Messages far above the limit cost no memory. Alone in its program, because it measures the whole of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "smtp_support/harness.rs"]
mod harness;

use harness::{open, smtp};

/// The most memory this process ever had, in bytes. `None` where the system does not tell.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok().map(|kib| kib * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_megabytes_are_refused_without_being_kept() {
    let mut settings = smtp();
    settings.max_message_bytes = 1024 * 1024;
    let door = open(settings).await;
    let Some(before) = peak() else {
        println!("left out: no /proc/self/status");
        return;
    };
    let block: &'static [u8] = Box::leak(vec![b'x'; 1_000_000].into_boxed_slice());
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut peer = door.hello("EHLO").await;
        sending.spawn(async move {
            // Announced, it is refused before it is sent.
            peer.ask("MAIL FROM:<> SIZE=50000000", "552 5.3.4").await;
            peer.begin("b").await;
            for _ in 0..50 {
                peer.send(block).await;
            }
            peer.ask("\r\n.", "552 5.3.4").await;
            peer.begin("b").await;
            peer.ask("small\r\n.", "250").await;
        });
    }
    while let Some(done) = sending.join_next().await {
        done.unwrap();
    }
    let grown = peak().unwrap() - before;
    assert!(grown < 48 * 1024 * 1024, "400 MB were sent, memory grew by {grown}");
    assert_eq!(door.intake.bodies(), vec![b"small\r\n".to_vec(); 8]);
}
