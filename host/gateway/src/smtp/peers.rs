//! Who is connected: connections and rates per address.
//!
//! An IPv6 peer owns at least a /64, so that prefix counts as one address.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::config::Settings;

/// Addresses remembered beyond their last connection, because of their rate. Above it those not connected are
/// forgotten: a flood from very many addresses costs the memory of rates, never the daemon's memory.
const MAX_REMEMBERED: usize = 65_536;

/// A token bucket: `per_minute` tokens at most, refilled at that rate.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn refilled(self, per_minute: NonZeroU32, now: Instant) -> f64 {
        let rate = f64::from(per_minute.get());
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / 60.0;
        (self.tokens + minutes * rate).min(rate)
    }

    fn take(&mut self, per_minute: NonZeroU32, now: Instant) -> bool {
        let tokens = self.refilled(per_minute, now);
        let granted = tokens >= 1.0;
        *self = Self { tokens: if granted { tokens - 1.0 } else { tokens }, at: now };
        granted
    }
}

#[derive(Debug, Default)]
struct Peer {
    connections: usize,
    connecting: Option<Bucket>,
    mailing: Option<Bucket>,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwelcome {
    /// As many connections from there as are allowed.
    TooMany,
    /// More connections a minute than allowed.
    TooFast,
}

/// All peers of one listener.
#[derive(Debug)]
pub(super) struct Peers {
    max_connections: usize,
    connections_per_minute: Option<NonZeroU32>,
    mails_per_minute: Option<NonZeroU32>,
    table: Mutex<HashMap<IpAddr, Peer>>,
}

impl Peers {
    pub(super) fn new(settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            max_connections: settings.max_connections_per_ip,
            connections_per_minute: settings.connections_per_minute_per_ip,
            mails_per_minute: settings.mails_per_minute_per_ip,
            table: Mutex::default(),
        })
    }

    /// Counts a connection from `address` until the seat is dropped.
    pub(super) fn connect(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Seat, Unwelcome> {
        let key = key(address);
        let mut table = self.table.lock();
        if table.len() >= MAX_REMEMBERED {
            table.retain(|_, peer| peer.connections > 0);
        }
        let peer = table.entry(key).or_default();
        if peer.connections >= self.max_connections {
            return Err(Unwelcome::TooMany);
        }
        if let Some(rate) = self.connections_per_minute
            && !bucket(&mut peer.connecting, rate, now).take(rate, now)
        {
            return Err(Unwelcome::TooFast);
        }
        peer.connections += 1;
        Ok(Seat { peers: self.clone(), key })
    }

    fn mail(&self, key: IpAddr, now: Instant) -> bool {
        let Some(rate) = self.mails_per_minute else {
            return true;
        };
        let mut table = self.table.lock();
        let peer = table.entry(key).or_default();
        bucket(&mut peer.mailing, rate, now).take(rate, now)
    }

    fn leave(&self, key: IpAddr, now: Instant) {
        if let Entry::Occupied(mut entry) = self.table.lock().entry(key) {
            let peer = entry.get_mut();
            peer.connections = peer.connections.saturating_sub(1);
            let full = |bucket: Option<Bucket>, rate: Option<NonZeroU32>| match (bucket, rate) {
                (Some(bucket), Some(rate)) => bucket.refilled(rate, now) >= f64::from(rate.get()),
                _ => true,
            };
            if peer.connections == 0
                && full(peer.connecting, self.connections_per_minute)
                && full(peer.mailing, self.mails_per_minute)
            {
                entry.remove();
            }
        }
    }
}

fn bucket(slot: &mut Option<Bucket>, per_minute: NonZeroU32, now: Instant) -> &mut Bucket {
    slot.get_or_insert(Bucket { tokens: f64::from(per_minute.get()), at: now })
}

fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// A connection's place in the table.
#[derive(Debug)]
pub(super) struct Seat {
    peers: Arc<Peers>,
    key: IpAddr,
}

impl Seat {
    /// Counts one mail; `false`: more than the rate allows.
    pub(super) fn mail(&self) -> bool {
        self.peers.mail(self.key, Instant::now())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.peers.leave(self.key, Instant::now());
    }
}

/// How long a listener that ran out of file descriptors waits before it accepts again.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::Protocol;

    fn peers(change: impl FnOnce(&mut Settings)) -> Arc<Peers> {
        let mut settings = Settings::new(Protocol::Smtp, "mx");
        settings.max_connections_per_ip = 2;
        change(&mut settings);
        Peers::new(&settings)
    }

    #[test]
    fn connections_count_per_address_and_per_v6_network() {
        let peers = peers(|_| {});
        let now = Instant::now();
        let connect = |address: &str| peers.connect(address.parse().unwrap(), now);
        let first = connect("192.0.2.1").unwrap();
        let _second = connect("::ffff:192.0.2.1").unwrap();
        assert_eq!(connect("192.0.2.1").err(), Some(Unwelcome::TooMany));
        let _other = connect("192.0.2.2").unwrap();
        drop(first);
        let _again = connect("192.0.2.1").unwrap();

        let _v6 = [connect("2001:db8::1").unwrap(), connect("2001:db8::2").unwrap()];
        assert_eq!(connect("2001:db8::3").err(), Some(Unwelcome::TooMany));
        let _next = connect("2001:db8:0:1::3").unwrap();
        assert_eq!(peers.table.lock().len(), 4);
    }

    #[test]
    fn nothing_is_remembered_of_peers_without_a_rate() {
        let peers = peers(|_| {});
        drop(peers.connect("192.0.2.1".parse().unwrap(), Instant::now()).unwrap());
        assert!(peers.table.lock().is_empty());
    }

    #[test]
    fn a_rate_refills_over_a_minute_and_outlives_the_connection() {
        let peers = peers(|s| s.connections_per_minute_per_ip = NonZeroU32::new(2));
        let address = "192.0.2.1".parse().unwrap();
        let start = Instant::now();
        let after = |seconds| peers.connect(address, start + Duration::from_secs(seconds)).map(drop);
        assert_eq!([after(0), after(0)], [Ok(()), Ok(())]);
        assert_eq!(after(1), Err(Unwelcome::TooFast));
        assert_eq!(after(31), Ok(()));
        assert_eq!(after(32), Err(Unwelcome::TooFast));
        assert_eq!([after(600), after(600), after(600)], [Ok(()), Ok(()), Err(Unwelcome::TooFast)]);
    }

    #[test]
    fn mails_have_their_own_rate() {
        let peers = peers(|s| s.mails_per_minute_per_ip = NonZeroU32::new(1));
        let now = Instant::now();
        let seat = peers.connect("192.0.2.1".parse().unwrap(), now).unwrap();
        assert_eq!([peers.mail(seat.key, now), peers.mail(seat.key, now)], [true, false]);
    }
}
