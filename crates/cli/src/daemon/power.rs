//! Whether the machine runs on its battery, by what Linux tells in `/sys`. Where that cannot be told, it does not.

use std::fs;
use std::path::Path;

/// Where Linux tells of what feeds the machine.
pub(super) const SUPPLIES: &str = "/sys/class/power_supply";

/// Whether a battery feeds it, and nothing else does.
pub(super) fn is_on_battery(supplies: &Path) -> bool {
    let entries = fs::read_dir(supplies).into_iter().flatten().flatten();
    let supplies: Vec<Supply> = entries.map(|entry| Supply::of(&entry.path())).collect();
    let is_plugged = supplies.contains(&Supply::Mains);
    supplies.contains(&Supply::Battery) && !is_plugged
}

#[derive(Debug, PartialEq, Eq)]
enum Supply {
    /// From outside, and at work.
    Mains,
    /// The machine's own, which is being emptied.
    Battery,
    /// Anything else, such as the battery of a mouse.
    Other,
}

impl Supply {
    fn of(folder: &Path) -> Self {
        let word = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        let is = |name: &str, wanted: &str| word(name).trim() == wanted;
        match word("type").trim() {
            "Mains" | "USB" | "Wireless" if is("online", "1") => Self::Mains,
            "Battery" if is("status", "Discharging") && !is("scope", "Device") => Self::Battery,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_runs_on_its_battery_where_nothing_else_feeds_it() {
        let folder = tempfile::tempdir().unwrap();
        let supply = |name: &str, facts: &[(&str, &str)]| {
            let supply = folder.path().join(name);
            fs::create_dir_all(&supply).unwrap();
            for (fact, value) in facts {
                fs::write(supply.join(fact), format!("{value}\n")).unwrap();
            }
        };
        let is_on_battery = || is_on_battery(folder.path());
        assert!(!is_on_battery(), "a machine without any");
        let mouse = [
            ("type", "Battery"),
            ("status", "Discharging"),
            ("scope", "Device"),
        ];
        supply("mouse", &mouse);
        assert!(!is_on_battery());
        supply("BAT0", &[("type", "Battery"), ("status", "Discharging")]);
        assert!(is_on_battery());
        supply("AC", &[("type", "Mains"), ("online", "0")]);
        assert!(is_on_battery());
        supply("AC", &[("online", "1")]);
        assert!(!is_on_battery());
        supply("AC", &[("online", "0")]);
        supply("BAT0", &[("status", "Full")]);
        assert!(!is_on_battery());
        assert!(!super::is_on_battery(&folder.path().join("missing")));
    }
}
