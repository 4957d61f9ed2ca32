//! Does work on all cores and hands the results over in the order of the jobs, in bounded memory.
//!
//! While one batch is worked on, the results of the one before are handed over and the next is fetched. Memory is four
//! batches at most (handed over, at work, its results, fetched) and does not depend on the number of jobs. The hazard:
//! jobs are fetched on a thread of the rayon pool, so an iterator that waits for other work of the same pool can wait
//! forever.

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};

/// A batch is closed at this weight: enough for several cores to find work in it to the end.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Nor may a batch of empty jobs grow without end.
const BATCH_JOBS: usize = 4096;

/// Calls `work` on every job in parallel and `sink` on each result, in order.
///
/// `weigh` says how many bytes of memory a job stands for. The first error ends it, after the results before it. Jobs
/// need not be of one entry: many small files go through one call, or they would be compressed one after the other.
///
/// # Errors
/// The first error of `jobs` or of `sink`.
pub fn ordered<J, R, E>(
    mut jobs: impl Iterator<Item = Result<J, E>> + Send,
    weigh: impl Fn(&J) -> usize + Sync,
    work: impl Fn(J) -> R + Sync,
    mut sink: impl FnMut(R) -> Result<(), E> + Send,
) -> Result<(), E>
where
    J: Send,
    R: Send,
    E: Send,
{
    let mut batch = Batch::fetch(&mut jobs, &weigh);
    let mut done: Vec<R> = Vec::new();
    loop {
        let Batch { jobs: now, end } = batch;
        let is_last = end.is_some();
        let before = std::mem::take(&mut done);
        let hand_over_and_fetch = || {
            before.into_iter().try_for_each(&mut sink)?;
            Ok(match is_last {
                true => Batch::empty(),
                false => Batch::fetch(&mut jobs, &weigh),
            })
        };
        let (results, next) = rayon::join(
            || now.into_par_iter().with_max_len(1).map(&work).collect(),
            hand_over_and_fetch,
        );
        batch = next?;
        done = results;
        if let Some(end) = end {
            done.into_iter().try_for_each(&mut sink)?;
            return end;
        }
    }
}

/// Jobs fetched together.
struct Batch<J, E> {
    jobs: Vec<J>,
    /// How the jobs ended, once they did.
    end: Option<Result<(), E>>,
}

impl<J, E> Batch<J, E> {
    fn empty() -> Self {
        Self {
            jobs: Vec::new(),
            end: None,
        }
    }

    fn fetch(jobs: &mut impl Iterator<Item = Result<J, E>>, weigh: &impl Fn(&J) -> usize) -> Self {
        let mut batch = Self::empty();
        let mut weight = 0usize;
        while weight < BATCH_BYTES && batch.jobs.len() < BATCH_JOBS {
            match jobs.next() {
                Some(Ok(job)) => {
                    weight = weight.saturating_add(weigh(&job));
                    batch.jobs.push(job);
                }
                Some(Err(e)) => {
                    batch.end = Some(Err(e));
                    break;
                }
                None => {
                    batch.end = Some(Ok(()));
                    break;
                }
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Doubles numbers up to 50,000, the last of which may be an error.
    fn doubled(
        threads: usize,
        error: Option<&'static str>,
    ) -> (Vec<u64>, Result<(), &'static str>) {
        let jobs = (0..50_000).map(Ok).chain(error.map(Err));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let mut done = Vec::new();
        let ended = pool.build().unwrap().install(|| {
            ordered(
                jobs,
                |_| 1000,
                |job: u64| 2 * job,
                |result| {
                    done.push(result);
                    Ok(())
                },
            )
        });
        (done, ended)
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs_on_any_number_of_threads() {
        let expected: Vec<u64> = (0..50_000).map(|job| 2 * job).collect();
        for threads in [1, 2, 5] {
            assert_eq!(doubled(threads, None), (expected.clone(), Ok(())));
            let failed = (expected.clone(), Err("no more"));
            assert_eq!(doubled(threads, Some("no more")), failed);
        }
    }
}
