//! Amounts: decimal texts to the minor unit of their currency and back, exactly, without a float.
use tributary_sdk::types::Money;

/// Currencies whose minor unit is not the hundredth part, with the decimals they have (ISO 4217, table A.1).
const DECIMALS: [(&str, usize); 26] = [
    ("BHD", 3),
    ("BIF", 0),
    ("CLF", 4),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("UYW", 4),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

/// Decimals of a currency.
fn decimals(currency: &str) -> usize {
    DECIMALS.iter().find(|(code, _)| *code == currency).map_or(2, |(_, decimals)| *decimals)
}

/// An amount such as `404.95` or `-3` in the minor unit of its currency. None where it is no decimal number, where it has
/// digits below the minor unit that are not 0, where it does not fit 64 bits, or where the currency is no code of three
/// capital letters.
pub fn parse(amount: &str, currency: &str) -> Option<Money> {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let amount = amount.trim();
    let (negative, digits) = amount.strip_prefix('-').map_or((false, amount), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let decimals = decimals(currency);
    let (kept, below) = fraction.as_bytes().split_at(fraction.len().min(decimals));
    if below.iter().any(|digit| *digit != b'0') {
        return None;
    }
    let padding = std::iter::repeat_n(&b'0', decimals - kept.len());
    let mut digits = whole.as_bytes().iter().chain(kept).chain(padding);
    let minor = digits.try_fold(0_i64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        let shifted = sum.checked_mul(10)?;
        if negative { shifted.checked_sub(digit) } else { shifted.checked_add(digit) }
    })?;
    Some(Money { currency: currency.to_owned(), minor })
}

/// An amount as a decimal text, with as many decimals as its currency has.
pub fn format(money: &Money) -> String {
    let decimals = decimals(&money.currency);
    let sign = if money.minor < 0 { "-" } else { "" };
    let digits = money.minor.unsigned_abs().to_string();
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_amounts() {
        let known = [
            ("404.95", "USD", Some(40_495)),
            ("10.0", "EUR", Some(1_000)),
            ("1500", "JPY", Some(1_500)),
            ("1500.00", "JPY", Some(1_500)),
            ("1500.50", "JPY", None),
            ("1.234", "KWD", Some(1_234)),
            ("1.2", "KWD", Some(1_200)),
            ("0.00", "USD", Some(0)),
            (".5", "USD", Some(50)),
            ("-0.01", "USD", Some(-1)),
            ("92233720368547758.07", "USD", Some(i64::MAX)),
            ("-92233720368547758.08", "USD", Some(i64::MIN)),
            ("92233720368547758.08", "USD", None),
            ("1e3", "USD", None),
            ("1,000.00", "USD", None),
            ("", "USD", None),
            (".", "USD", None),
            ("1.2.3", "USD", None),
            ("1.00", "usd", None),
            ("9", "XPF", Some(9)),
        ];
        for (amount, currency, minor) in known {
            assert_eq!(parse(amount, currency).map(|money| money.minor), minor, "{amount} {currency}");
        }
    }

    proptest! {
        /// Against exact arithmetic of twice the width: amount × 10^decimals, digit by digit.
        #[test]
        fn amounts_are_exact(whole in 0_u64..1_000_000_000_000, cents in "[0-9]{0,6}", negative: bool, which in 0_usize..29) {
            let others = ["USD", "CNY", "EUR"];
            let currency = DECIMALS.get(which).map_or_else(|| others[which - 26], |(code, _)| *code);
            let amount = format!("{}{whole}{}{cents}", if negative { "-" } else { "" }, if cents.is_empty() { "" } else { "." });
            let scale = 10_i128.pow(6 - u32::try_from(decimals(currency)).unwrap());
            let millionths = i128::from(whole) * 1_000_000 + format!("{cents:0<6}").parse::<i128>().unwrap();
            let exact = (millionths % scale == 0).then(|| millionths / scale * if negative { -1 } else { 1 });
            prop_assert_eq!(parse(&amount, currency).map(|money| i128::from(money.minor)), exact);
        }

        #[test]
        fn what_is_written_is_read_again(minor: i64, which in 0_usize..26) {
            let money = Money { currency: DECIMALS[which].0.into(), minor };
            prop_assert_eq!(parse(&format(&money), &money.currency), Some(money));
        }

        #[test]
        fn no_text_does_harm(amount: String, currency in ".{0,4}") {
            let _ = parse(&amount, &currency);
        }
    }
}
