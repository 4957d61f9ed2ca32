//! What each program is asked, as its manual says and with its defaults.

use std::path::Path;
use std::process::Command;

use crate::peer::{Kind, Peer, archive, journal, repository};
use crate::support::measure::{Took, run};

impl Peer {
    /// Stores the state of the source under a name.
    pub(crate) fn store(&self, place: &Path, source: &Path, name: &str) -> Took {
        let mut command = self.command(place);
        let name = name.replace(' ', "-");
        match self.kind {
            Kind::Lifeboat => command.args(["backup", "--json", "--no-zip"]).arg(source),
            Kind::Restic | Kind::Rustic | Kind::Vykar => command.arg("backup").arg(source),
            Kind::Borg => command
                .current_dir(source)
                .args(["create", &format!("::{name}"), "."]),
            Kind::Bupstash => command
                .args(["put", "-q", &format!("name={name}")])
                .arg(source),
            Kind::Conserve => command
                .args(["backup", "--no-progress"])
                .arg(repository(place))
                .arg(source),
            Kind::Zpaq => command.arg("add").arg(journal(place)).arg(source),
            Kind::Zip => command
                .current_dir(source)
                .args(["-6", "-q", "-r"])
                .arg(archive(place, &name))
                .arg("."),
            Kind::SevenZip => command
                .args(["a", "-mx=1"])
                .arg(archive(place, &name).with_extension("7z"))
                .arg(source),
            Kind::PythonZip => command
                .args(["-m", "zipfile", "-c"])
                .arg(archive(place, &name))
                .arg(source),
        };
        run(&mut command)
    }

    /// Restores what was stored last, under `name`.
    pub(crate) fn restore(
        &self,
        place: &Path,
        source: &Path,
        to: &Path,
        name: &str,
    ) -> Option<Took> {
        let mut command = self.command(place);
        match self.kind {
            Kind::Lifeboat => command.args(["restore", "latest", "--to"]).arg(to),
            Kind::Restic => command.args(["restore", "latest", "--target"]).arg(to),
            Kind::Rustic => command
                .arg("restore")
                .arg(format!("latest:{}", source.display()))
                .arg(to),
            Kind::Borg => {
                std::fs::create_dir_all(to).expect("the scratch folder can be written");
                command
                    .current_dir(to)
                    .args(["extract", &format!("::{name}")])
            }
            Kind::Bupstash => {
                std::fs::create_dir_all(to).expect("the scratch folder can be written");
                command
                    .args(["restore", "-q", "--into"])
                    .arg(to)
                    .arg(format!("name={name}"))
            }
            Kind::Conserve => command
                .args(["restore", "--no-progress"])
                .arg(repository(place))
                .arg(to),
            Kind::Vykar => command.args(["restore", "latest"]).arg(to),
            Kind::Zpaq => command
                .arg("extract")
                .arg(journal(place))
                .arg("-to")
                .arg(to),
            // Unpacking is another program's.
            Kind::Zip | Kind::SevenZip | Kind::PythonZip => return None,
        };
        Some(run(&mut command))
    }

    /// Gives up all but the newest, `heavy`, and frees what only the others needed; `older` are their names.
    pub(crate) fn forget(&self, place: &Path, older: &[String]) -> Option<Took> {
        let (first, second) = self.forgetting(place, older)?;
        let took = std::iter::once(first).chain(second);
        took.map(|mut command| run(&mut command)).reduce(Took::and)
    }

    /// The commands for that.
    fn forgetting(&self, place: &Path, older: &[String]) -> Option<(Command, Option<Command>)> {
        let command = || self.command(place);
        let keep_one = ["--keep-last", "1"];
        let commands = match self.kind {
            Kind::Lifeboat => {
                let mut forget = command();
                forget.arg("forget").args(keep_one);
                let mut collect = command();
                collect.arg("gc");
                (forget, Some(collect))
            }
            Kind::Restic | Kind::Rustic => {
                let mut forget = command();
                forget.args(["forget", "--prune"]).args(keep_one);
                (forget, None)
            }
            Kind::Borg | Kind::Vykar => {
                let mut prune = command();
                prune.arg("prune");
                if self.kind == Kind::Borg {
                    prune.args(keep_one);
                }
                let mut compact = command();
                compact.arg("compact");
                (prune, Some(compact))
            }
            Kind::Bupstash => {
                let names: Vec<_> = older.iter().map(|name| format!("name={name}")).collect();
                let mut remove = command();
                remove
                    .args(["rm", "-q", "--allow-many"])
                    .arg(names.join(" or "));
                let mut collect = command();
                collect.args(["gc", "-q"]);
                (remove, Some(collect))
            }
            Kind::Conserve => {
                let ids: Vec<_> = (0..older.len())
                    .map(|number| format!("b{number:04}"))
                    .collect();
                let mut delete = command();
                delete
                    .args(["delete", "--no-progress", "--backup", &ids.join(",")])
                    .arg(repository(place));
                (delete, None)
            }
            Kind::Zpaq | Kind::Zip | Kind::SevenZip | Kind::PythonZip => return None,
        };
        Some(commands)
    }

    /// Reads every stored byte, where the program can.
    pub(crate) fn verify(&self, place: &Path) -> Option<Took> {
        let mut command = self.command(place);
        match self.kind {
            Kind::Lifeboat => command.args(["verify", "--read-data"]),
            Kind::Restic | Kind::Rustic => command.args(["check", "--read-data"]),
            Kind::Borg => command.args(["check", "--verify-data"]),
            Kind::Conserve => command
                .args(["validate", "--no-progress"])
                .arg(repository(place)),
            Kind::Vykar => command.args(["check", "--verify-data"]),
            Kind::Zpaq => command.arg("extract").arg(journal(place)).arg("-test"),
            Kind::Bupstash | Kind::Zip | Kind::SevenZip | Kind::PythonZip => return None,
        };
        Some(run(&mut command))
    }
}
