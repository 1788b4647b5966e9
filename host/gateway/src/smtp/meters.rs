//! The listeners' metrics. Handles are looked up once per listener, so the recorder must be installed before
//! [`super::serve`] is called.

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{config::Protocol, connection::Ending, session::Tally};

pub(super) struct Meters {
    protocol: &'static str,
    pub(super) connections: Gauge,
    pub(super) accepted: Counter,
    pub(super) over_total: Counter,
    pub(super) over_peer: Counter,
    pub(super) over_rate: Counter,
    pub(super) reply: Histogram,
    recipients: Counter,
    unknown_recipients: Counter,
    errors: Counter,
    stored: Counter,
    stored_bytes: Counter,
    deferred: Counter,
    rejected: Counter,
    too_big: Counter,
}

impl Meters {
    pub(super) fn new(protocol: Protocol) -> Self {
        describe_gauge!("tributary_smtp_connections", "Connections open");
        describe_counter!("tributary_smtp_connections_total", "Connections by what became of them at the door");
        describe_counter!("tributary_smtp_sessions_total", "Sessions by how they ended");
        describe_counter!("tributary_smtp_mails_total", "Mails by what the peer was told");
        describe_counter!("tributary_smtp_mail_bytes_total", Unit::Bytes, "Bytes of stored mails");
        describe_counter!("tributary_smtp_recipients_total", "Recipients by what the peer was told");
        describe_counter!(
            "tributary_smtp_errors_total",
            "Faults of peers: unknown commands, wrong order, bad parameters"
        );
        describe_histogram!(
            "tributary_smtp_reply_seconds",
            Unit::Seconds,
            "From a mail's last byte read to its reply sent"
        );

        let p = protocol.name();
        let connections =
            |outcome: &'static str| counter!("tributary_smtp_connections_total", "protocol" => p, "outcome" => outcome);
        let mails =
            |outcome: &'static str| counter!("tributary_smtp_mails_total", "protocol" => p, "outcome" => outcome);
        let recipients =
            |outcome: &'static str| counter!("tributary_smtp_recipients_total", "protocol" => p, "outcome" => outcome);
        Self {
            protocol: p,
            connections: gauge!("tributary_smtp_connections", "protocol" => p),
            accepted: connections("accepted"),
            over_total: connections("over_limit"),
            over_peer: connections("over_peer_limit"),
            over_rate: connections("over_rate"),
            reply: histogram!("tributary_smtp_reply_seconds", "protocol" => p),
            recipients: recipients("accepted"),
            unknown_recipients: recipients("unknown"),
            errors: counter!("tributary_smtp_errors_total", "protocol" => p),
            stored: mails("stored"),
            stored_bytes: counter!("tributary_smtp_mail_bytes_total", "protocol" => p),
            deferred: mails("deferred"),
            rejected: mails("rejected"),
            too_big: mails("too_big"),
        }
    }

    pub(super) fn add(&self, tally: &Tally) {
        for (counter, value) in [
            (&self.recipients, tally.recipients),
            (&self.unknown_recipients, tally.unknown_recipients),
            (&self.errors, tally.errors),
            (&self.stored, tally.stored),
            (&self.stored_bytes, tally.stored_bytes),
            (&self.deferred, tally.deferred),
            (&self.rejected, tally.rejected),
            (&self.too_big, tally.too_big),
        ] {
            if value > 0 {
                counter.increment(value);
            }
        }
    }

    pub(super) fn ended(&self, ending: Ending) {
        counter!("tributary_smtp_sessions_total", "protocol" => self.protocol, "ending" => ending.name()).increment(1);
    }
}
