//! How much parity is written: `5%` in the config and on the command line.

use lifeboat_snapshot::store::Share;
use serde::Deserialize;

/// The key `parity`: a text such as `5%`, or the number 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Parity(pub(crate) Share);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(f64),
}

impl TryFrom<Written> for Parity {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => parse(&text).map(Self),
            Written::Number(number) => parse(&number.to_string()).map(Self),
        }
    }
}

/// A share such as `5%` or `0.5%`, up to `100%`; `0` is none.
pub(crate) fn parse(text: &str) -> Result<Share, String> {
    let wrong = || "a part of the packs' size such as 5% is needed, or 0 for none".to_owned();
    let text = text.trim();
    if text == "0" {
        return Ok(Share::NONE);
    }
    let number = text.strip_suffix('%').ok_or_else(wrong)?.trim();
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(tenth) || tenth.len() > 1 {
        return Err(wrong());
    }
    let whole: u16 = whole.parse().map_err(|_| wrong())?;
    let tenth: u16 = tenth.parse().map_err(|_| wrong())?;
    let per_mille = whole
        .checked_mul(10)
        .and_then(|part| part.checked_add(tenth));
    per_mille.and_then(Share::per_mille).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_parts_in_a_hundred() {
        let per_mille = |text| parse(text).map(Share::get).ok();
        for (text, share) in [
            ("5%", 50),
            ("0", 0),
            ("0%", 0),
            ("0.5%", 5),
            ("100 %", 1000),
        ] {
            assert_eq!(per_mille(text), Some(share), "{text}");
        }
        for wrong in [
            "",
            "%",
            "5",
            "-1%",
            "100.1%",
            "0.05%",
            "1e2%",
            "99999999999%",
            "٥%",
        ] {
            assert_eq!(per_mille(wrong), None, "{wrong}");
        }
    }
}
