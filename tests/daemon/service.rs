//! What systemd hears: that the daemon is ready, alive, reading its config, and about to end.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::process::Signal;

use super::bench;
use super::told::Daemon;

/// What is said until one of the messages has this in it.
fn until(socket: &UnixDatagram, word: &str) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        let len = socket
            .recv(&mut bytes)
            .unwrap_or_else(|error| panic!("{word}: {error}: {said:?}"));
        let text = String::from_utf8_lossy(&bytes[..len]).into_owned();
        said.push(text.clone());
        if text.contains(word) {
            return said;
        }
    }
}

#[test]
fn a_service_manager_hears_that_it_is_ready_alive_reloading_and_stopping() {
    let bench = bench("[schedule]\nevery = \"4h\"\n");
    let path = bench.path("notify.socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(120)))
        .unwrap();
    let mut command = bench.command(["daemon", "--json"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000");
    let mut daemon = Daemon::of(command);
    assert_eq!(until(&socket, "READY=1").len(), 1, "first of all");
    daemon.until("ended");
    // Nothing is to be done for hours, and it says that it is there all the same.
    until(&socket, "STATUS=backup data in 3 h 59 min");
    assert!(until(&socket, "WATCHDOG=1").len() <= 2);
    daemon.signal(Signal::HUP);
    until(&socket, "RELOADING=1\nMONOTONIC_USEC=");
    until(&socket, "READY=1");
    daemon.signal(Signal::TERM);
    until(&socket, "STOPPING=1");
    assert_eq!(daemon.end(), Some(0));
}
