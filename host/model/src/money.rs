//! Amounts as people write them, and as they are kept: a whole number of the currency's minor unit (ISO 4217).
use crate::order::Money;
use std::fmt;
use std::str::FromStr;

/// Active currencies whose minor unit is a hundredth. ANG and BGN ended in 2025: orders in them may still be refunded.
const HUNDREDTHS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
    ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Those without a minor unit.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// Those whose minor unit is a thousandth.
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// How many decimals a currency has, by its code in upper case. `None`: ISO 4217 has no such currency.
pub fn decimals(currency: &str) -> Option<u32> {
    let among = |codes: &str| codes.split(' ').any(|code| code == currency);
    match () {
        () if among(HUNDREDTHS) => Some(2),
        () if among(WHOLE) => Some(0),
        () if among(THOUSANDTHS) => Some(3),
        () => None,
    }
}

/// Why a text is no amount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadMoney {
    /// It is not a number, a blank and a code: `12.50 EUR`.
    Form,
    /// ISO 4217 has no such currency.
    Currency(String),
    /// It has more decimals than its currency: the code, and how many that has.
    Decimals(String, u32),
    /// It is more than can be kept.
    TooLarge,
}

impl fmt::Display for BadMoney {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("an amount is a number with a point, without commas, and a currency: 12.50 EUR"),
            Self::Currency(code) => write!(f, "{code} is no currency of ISO 4217"),
            Self::Decimals(code, most) => write!(f, "{code} has {most} decimals at most"),
            Self::TooLarge => f.write_str("the amount is too large"),
        }
    }
}

impl std::error::Error for BadMoney {}

impl FromStr for Money {
    type Err = BadMoney;

    /// Reads `12.50 EUR`: digits, at most as many decimals as the currency has, the code in either case. Nothing is rounded.
    fn from_str(text: &str) -> Result<Self, BadMoney> {
        let (number, code) = text.trim().split_once(char::is_whitespace).ok_or(BadMoney::Form)?;
        let currency = code.trim_start().to_ascii_uppercase();
        let (whole, part) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !part.is_none_or(digits) {
            return Err(BadMoney::Form);
        }
        let most = decimals(&currency).ok_or_else(|| BadMoney::Currency(currency.clone()))?;
        let part = part.unwrap_or_default();
        let missing = u32::try_from(part.len()).ok().and_then(|given| most.checked_sub(given));
        let missing = missing.ok_or_else(|| BadMoney::Decimals(currency.clone(), most))?;
        let given: i64 = format!("{whole}{part}").parse().map_err(|_| BadMoney::TooLarge)?;
        let minor = given.checked_mul(10_i64.pow(missing)).ok_or(BadMoney::TooLarge)?;
        Ok(Self { currency, minor })
    }
}

impl fmt::Display for Money {
    /// `12.50 EUR`. An amount of an unknown currency is shown as it is kept.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = decimals(&self.currency).unwrap_or(0);
        let (sign, minor) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        let unit = 10_u64.pow(decimals);
        match usize::try_from(decimals) {
            Ok(width @ 1..) => write!(f, "{sign}{}.{:0width$} {}", minor / unit, minor % unit, self.currency),
            _ => write!(f, "{sign}{minor} {}", self.currency),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_by_their_currency() {
        for (text, minor, currency, shown) in [
            ("12.50 EUR", 1_250, "EUR", "12.50 EUR"),
            ("12.5 eur", 1_250, "EUR", "12.50 EUR"),
            (" 12  EUR ", 1_200, "EUR", "12.00 EUR"),
            ("0.01 CNY", 1, "CNY", "0.01 CNY"),
            ("1200 JPY", 1_200, "JPY", "1200 JPY"),
            ("1.005 KWD", 1_005, "KWD", "1.005 KWD"),
            ("0.1 BHD", 100, "BHD", "0.100 BHD"),
            ("92233720368547758.07 USD", i64::MAX, "USD", "92233720368547758.07 USD"),
        ] {
            let money: Money = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((money.minor, money.currency.as_str()), (minor, currency), "{text}");
            assert_eq!(money.to_string(), shown);
            assert_eq!(shown.parse(), Ok(money), "what is shown reads back");
        }
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        for (text, error) in [
            ("12.505 EUR", BadMoney::Decimals("EUR".into(), 2)),
            ("12.0 JPY", BadMoney::Decimals("JPY".into(), 0)),
            ("1 EURO", BadMoney::Currency("EURO".into())),
            ("1 XXX", BadMoney::Currency("XXX".into())),
            ("1 E U", BadMoney::Currency("E U".into())),
            ("92233720368547758.08 USD", BadMoney::TooLarge),
            ("99999999999999999999 JPY", BadMoney::TooLarge),
        ] {
            assert_eq!(text.parse::<Money>(), Err(error), "{text}");
        }
        for text in [
            "",
            "EUR",
            "12.50",
            "12,50 EUR",
            "1,200.00 EUR",
            "-1 EUR",
            "+1 EUR",
            ".5 EUR",
            "5. EUR",
            "1e3 EUR",
            "١ EUR",
        ] {
            assert_eq!(text.parse::<Money>(), Err(BadMoney::Form), "{text}");
        }
    }

    #[test]
    fn an_amount_that_a_plugin_made_up_is_shown_nevertheless() {
        for (minor, currency, shown) in
            [(-1_205, "EUR", "-12.05 EUR"), (7, "XXX", "7 XXX"), (i64::MIN, "JPY", "-9223372036854775808 JPY")]
        {
            assert_eq!(Money { currency: currency.into(), minor }.to_string(), shown);
        }
    }

    #[test]
    fn every_currency_is_listed_once() {
        let mut codes: Vec<&str> =
            [HUNDREDTHS, WHOLE, THOUSANDTHS].into_iter().flat_map(|list| list.split(' ')).collect();
        let all = codes.len();
        assert!(codes.iter().all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
