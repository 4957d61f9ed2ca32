//! What systemd is told, where it listens: that the daemon is ready, what comes next, and that it is alive.

use std::time::Duration;

use sd_notify::NotifyState;

/// Alive for at least as long as the watchdog allows between two signs of it: two in that time, so that one may be late.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|allowed| allowed / 2)
}

/// Nobody is left to tell where this fails.
fn tell(state: &[NotifyState]) {
    let _ = sd_notify::notify(state);
}

pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

pub(super) fn reloading() {
    if let Ok(time) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, time]);
    }
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

pub(super) fn alive(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}
