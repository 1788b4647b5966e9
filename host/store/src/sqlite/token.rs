//! Access tokens, idempotency keys, and the secrets of reply addresses.
use super::codec::{At, moment, time};
use super::tx::{Tx, many};
use crate::{Begun, KeptAnswer, NewToken, RequestKey, Scope, StoreError, Token};
use rusqlite::{Connection, Row};
use std::time::Duration;
use tributary_model::Timestamp;

/// How long the answer of a request is kept.
pub(super) const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Signs of a secret, in their order as bytes; a mail's local part may fold case. 26 of 36 are 134 bits, 18 are 93.
const SIGNS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 26;

/// Signs of the moment that a reply token begins with: milliseconds until 2059, and again from the beginning.
const MOMENT: usize = 8;

/// A new secret.
pub(super) fn secret() -> Result<String, StoreError> {
    with_random(String::with_capacity(LENGTH))
}

/// A new secret for a plus-address. It begins with the moment, so that each is put at the end of their index: one that is
/// random from its first sign would be put on a page of its own, to be read, written and copied for each conversation.
pub(super) fn reply_token(now: Timestamp) -> Result<String, StoreError> {
    let place = |nth: usize| now.0 / 36_u64.pow((MOMENT - 1 - nth) as u32) % 36;
    with_random((0..MOMENT).map(|nth| char::from(SIGNS[place(nth) as usize])).collect())
}

/// The same, filled up to its length.
fn with_random(mut token: String) -> Result<String, StoreError> {
    let mut bytes = [0; 32];
    while token.len() < LENGTH {
        getrandom::fill(&mut bytes).map_err(no_randomness)?;
        // 252 is the largest multiple of 36 in a byte: above it, some signs would come up more often.
        let fair = bytes.iter().filter(|byte| **byte < 252).map(|byte| char::from(SIGNS[usize::from(byte % 36)]));
        token.extend(fair.take(LENGTH - token.len()));
    }
    Ok(token)
}

pub(super) fn no_randomness(error: getrandom::Error) -> StoreError {
    let source = std::io::Error::other(error.to_string());
    StoreError::Unusable { path: "the source of randomness".into(), source }
}

/// See [`crate::Store::create_token`].
pub(super) fn create(tx: &Tx<'_>, new: &NewToken, now: Timestamp) -> Result<i64, StoreError> {
    tx.insert(
        "INSERT INTO token (name, digest, scope, created) VALUES (?, ?, ?, ?)",
        (&new.name, &new.digest, new.scope.as_str(), time(now)),
    )
}

/// See [`crate::Store::revoke_token`].
pub(super) fn revoke(tx: &Tx<'_>, id: i64, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.run("UPDATE token SET revoked = ? WHERE id = ? AND revoked IS NULL", (time(now), id))? > 0)
}

fn read(row: &Row<'_>) -> Result<Token, StoreError> {
    let id = row.get(0)?;
    Ok(Token {
        id,
        name: row.get(1)?,
        scope: At("token", id).word(&row.get::<_, String>(2)?, Scope::parse)?,
        created: moment(row.get(3)?),
        revoked: row.get::<_, Option<i64>>(4)?.map(moment),
    })
}

/// Every token, the first made first.
pub(super) fn all(conn: &Connection) -> Result<Vec<Token>, StoreError> {
    many(conn, "SELECT id, name, scope, created, revoked FROM token ORDER BY id", [], read)
}

/// See [`crate::Store::token`].
pub(super) fn find(conn: &Connection, digest: &[u8; 32]) -> Result<Option<Token>, StoreError> {
    let sql = "SELECT id, name, scope, created, revoked FROM token WHERE digest = ? AND revoked IS NULL";
    Ok(many(conn, sql, [digest], read)?.into_iter().next())
}

/// See [`crate::Store::begin_request`].
pub(super) fn begin(tx: &Tx<'_>, it: &RequestKey, now: Timestamp) -> Result<Begun, StoreError> {
    let old = time(now).saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
    let found = many(
        tx.conn,
        "SELECT digest = ?3, status, body FROM request_key WHERE token = ?1 AND key = ?2 AND at > ?4",
        (it.token, &it.key, &it.digest, old),
        |row| {
            let (same, status) = (row.get::<_, bool>(0)?, row.get::<_, Option<u16>>(1)?);
            Ok(match (same, status) {
                (false, _) => Begun::Misused,
                (true, None) => Begun::UnderWay,
                (true, Some(status)) => {
                    Begun::Again(KeptAnswer { status, body: row.get::<_, Option<_>>(2)?.unwrap_or_default() })
                }
            })
        },
    )?;
    if let Some(begun) = found.into_iter().next() {
        return Ok(begun);
    }
    tx.run(
        "INSERT INTO request_key (token, key, digest, at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
         digest = excluded.digest, at = excluded.at, status = NULL, body = NULL",
        (it.token, &it.key, &it.digest, time(now)),
    )?;
    Ok(Begun::First)
}

/// See [`crate::Store::end_request`].
pub(super) fn end(tx: &Tx<'_>, it: &RequestKey, answer: Option<&KeptAnswer>) -> Result<(), StoreError> {
    let key = (it.token, &it.key, &it.digest);
    match answer {
        Some(answer) => tx.run(
            "UPDATE request_key SET status = ?4, body = ?5 WHERE token = ?1 AND key = ?2 AND digest = ?3",
            (key.0, key.1, key.2, answer.status, &answer.body),
        ),
        None => tx.run("DELETE FROM request_key WHERE token = ? AND key = ? AND digest = ? AND status IS NULL", key),
    }
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_tokens_are_in_the_order_of_their_moments_and_differ_in_one() {
        let now = Timestamp(1_790_000_000_000);
        let token = |after: u64| reply_token(Timestamp(now.0 + after)).expect("random");
        let tokens: Vec<_> = [0, 1, 35, 36, 1_000, 86_400_000, 1 << 38].map(token).into();
        assert!(tokens.is_sorted() && tokens.iter().all(|it| it.len() == LENGTH), "{tokens:?}");
        let same: std::collections::HashSet<_> = (0..2_000).map(|_| token(7)).collect();
        assert_eq!((same.len(), token(7)[..MOMENT] == token(7)[..MOMENT]), (2_000, true));
    }

    #[test]
    fn secrets_use_every_sign_and_never_come_twice() {
        let tokens: Vec<_> = (0..2_000).map(|_| secret().expect("random")).collect();
        let mut counts = [0usize; 36];
        for sign in tokens.iter().flat_map(|token| token.bytes()) {
            counts[SIGNS.iter().position(|s| *s == sign).expect("a sign of the alphabet")] += 1;
        }
        assert!(tokens.iter().all(|token| token.len() == LENGTH));
        // 52,000 signs: 1,444 of each, and ten standard deviations are 380.
        assert!(counts.iter().all(|n| (1_064..1_824).contains(n)), "{counts:?}");
        let distinct: std::collections::HashSet<_> = tokens.iter().collect();
        assert_eq!(distinct.len(), tokens.len());
    }
}
