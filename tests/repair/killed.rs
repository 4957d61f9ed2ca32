//! The program killed while it repairs, at every third system call that writes (fault F-01, rule R9).

use std::fs;
use std::path::PathBuf;

use super::{bench, damage, largest_pack, noise};
use crate::support::{Workbench, outside, struck, tree};

/// Calls that change something on the disk.
const WRITING: [&str; 5] = ["write", "pwrite64", "fsync", "renameat2", "unlink"];

/// A pack that its parity mends, a record that its copy does, a config that is gone: in a repository that is copied for each
/// kill.
fn damaged() -> Workbench {
    let bench = bench();
    bench.backs_up();
    bench.write("second.bin", noise(90_000, 9));
    bench.backs_up();
    damage(&largest_pack(&bench), |bytes| bytes[1000..9000].fill(0x77));
    let record: PathBuf = bench.files_in("snapshots").into_keys().next().unwrap();
    damage(&record, |bytes| bytes.truncate(50));
    fs::remove_file(bench.place().join("config")).unwrap();
    fs::rename(bench.place(), bench.path("damaged")).unwrap();
    bench
}

#[test]
fn f01_r9_a_repair_that_is_killed_at_any_system_call_that_writes_is_finished_by_the_next() {
    if !struck::is_possible() {
        return;
    }
    let bench = damaged();
    let repair = ["repair", "--apply", "--no-sources", "--threads", "1"];
    let mut kills = 0;
    for call in WRITING {
        for nth in (1..).step_by(3) {
            let _ = fs::remove_dir_all(bench.place());
            let [from, to] = ["damaged", "repository"].map(|name| bench.path(name));
            let copied = ["-a", from.to_str().unwrap(), to.to_str().unwrap()];
            assert!(outside::works("cp", &copied));
            let (_, was_struck) = struck::at(&bench, &repair, (call, "signal=KILL"), nth);
            if !was_struck {
                break;
            }
            kills += 1;
            let again = bench.lifeboat(&repair);
            assert!(matches!(again.code(), Some(0 | 5)), "{call} {nth}: {again}");
            bench.lifeboat(&["verify", "--read-data"]).exits(0);
            bench
                .lifeboat(&["restore", "latest", "--to", "restored"])
                .exits(0);
            tree::assert_same(&bench.data(), &bench.path("restored"));
            fs::remove_dir_all(bench.path("restored")).unwrap();
            bench.lifeboat(&["gc"]).exits(0);
        }
    }
    assert!(kills > 10, "only {kills} kills");
}
