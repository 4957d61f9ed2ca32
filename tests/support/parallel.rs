//! Many small judgements on a few threads. The program's own thread pool is no place for them: what waits there for work of
//! its own runs other work meanwhile, one on top of the other, until the stack ends.

use std::sync::Mutex;

/// Threads that judge.
const THREADS: usize = 2;

/// Gives each item to the judge, and gathers what it has to say, in no order.
pub(crate) fn each<I, T: Send>(items: I, judge: impl Fn(I::Item) -> Option<T> + Sync) -> Vec<T>
where
    I: Iterator + Send,
{
    let items = Mutex::new(items);
    let found = Mutex::new(Vec::new());
    // The lock ends with the line, before the judging.
    let next = || items.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(item) = next() {
                    if let Some(what) = judge(item) {
                        found.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// There is nothing to say; else the first few findings, and how many there are.
#[track_caller]
pub(crate) fn assert_none(findings: &[String]) {
    let shown: Vec<&String> = findings.iter().take(5).collect();
    let count = findings.len();
    assert!(findings.is_empty(), "{count} findings, such as {shown:#?}");
}
