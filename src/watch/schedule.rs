//! What a watcher does next, and when: decisions alone, without a kernel or a clock of their own.

use std::time::{Duration, Instant};

/// How long hints are gathered after others were followed, so that a storm of them costs few reads. One that comes alone is
/// followed at once.
const GATHER: Duration = Duration::from_millis(2);
/// After a poll, walk or tidying that took t there is no other one for 4 t: it uses at most a fifth of a CPU.
const REST: u32 = 4;
/// Walks that find nothing new become as rare as this: after one that took t there is none for 24 t, a 25th of a CPU.
const MAX_REST: u32 = 24;
/// How long removed groups are gathered before their watches are given back: others mostly follow.
const TIDY_DELAY: Duration = Duration::from_millis(200);
/// How often the membership of a group on screen is read, and everything where watches ran out.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a v1 group is read that is on its way to FROZEN, for that step is silent: at first, and where it takes long.
const FREEZING_INTERVAL: (Duration, Duration) = (Duration::from_millis(50), POLL_INTERVAL);

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Read what the kernel does not announce: what may have changed, or (`force`) all that is on screen.
    Poll { force: bool },
    /// Read what hints name.
    FollowHints,
    /// Give back watches of removed groups.
    Tidy,
    /// Watch groups that are not watched yet.
    Watch,
    /// Go on with the walk, or begin the next one.
    Walk,
    /// Read groups again whose facts do not fit together.
    Recheck,
}

/// What there is to do, apart from times.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pending {
    /// The first walk is complete.
    pub scanned: bool,
    /// A walk goes on, or waits.
    pub walks: bool,
    /// Groups are to be watched.
    pub unwatched: bool,
    /// Groups were not found in their places.
    pub misplaced: bool,
    /// So many watches are of removed groups that they are given back before anything is walked.
    pub worn: bool,
    /// Something on screen can change unannounced, or not all is watched and somebody wants it.
    pub polled: bool,
}

/// The times of one watcher.
#[derive(Debug)]
pub(super) struct Schedule {
    follow_at: Option<Instant>,
    followed_at: Instant,
    /// After hints were followed, what that has set going runs one step first: a storm of hints has no end.
    hints_yield: bool,
    tidy_at: Option<Instant>,
    /// Something on screen has changed in a way of which only a part was announced.
    dirty: bool,
    polled_at: Instant,
    poll_took: Duration,
    freezing_since: Option<Instant>,
    /// How long the walk that goes on has taken so far, and whether it found anything new.
    walk_took: Duration,
    walk_found_news: bool,
    next_walk_at: Instant,
    /// For how many times its own time a walk rests.
    walk_rest: u32,
}

impl Schedule {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            follow_at: None,
            followed_at: now,
            hints_yield: false,
            tidy_at: None,
            dirty: false,
            polled_at: now,
            poll_took: Duration::ZERO,
            freezing_since: None,
            walk_took: Duration::ZERO,
            walk_found_news: false,
            next_walk_at: now,
            walk_rest: REST,
        }
    }

    /// When there is something to do; `None` for never.
    pub(super) fn due_at(&self, now: Instant, pending: Pending) -> Option<Instant> {
        let recheck = pending.misplaced && self.follow_at.is_none();
        if pending.unwatched || pending.walks || recheck {
            return Some(now);
        }
        let dirty = self.dirty.then(|| self.may_poll_at());
        [self.follow_at, self.poll_at(now, pending), dirty, self.tidy_at].into_iter().flatten().min()
    }

    /// What is to be done now, the most urgent first.
    pub(super) fn next(&mut self, now: Instant, pending: Pending) -> Task {
        if self.poll_at(now, pending).is_some_and(|at| now >= at) {
            return Task::Poll { force: false };
        }
        if self.follow_at.is_some_and(|at| now >= at) && !self.hints_yield {
            return Task::FollowHints;
        }
        if self.dirty && now >= self.may_poll_at() {
            return Task::Poll { force: true };
        }
        if pending.worn || self.tidy_at.is_some_and(|at| now >= at) {
            return Task::Tidy;
        }
        self.hints_yield = false;
        if pending.scanned && pending.unwatched {
            Task::Watch
        } else if pending.walks || !pending.misplaced {
            Task::Walk
        } else {
            Task::Recheck
        }
    }

    /// Hints have come.
    pub(super) fn hints_came(&mut self, now: Instant) {
        self.follow_at.get_or_insert((self.followed_at + GATHER).max(now));
    }

    /// Hints wait to be followed.
    pub(super) fn has_hints(&self) -> bool {
        self.follow_at.is_some()
    }

    /// Some were followed; whether more wait, and whether following them has set anything going.
    pub(super) fn hints_followed(&mut self, now: Instant, more: bool, has_set_going: bool) {
        self.followed_at = now;
        self.follow_at = more.then_some(now);
        self.hints_yield = has_set_going;
    }

    /// Groups are gone; whether watches are to be given back.
    pub(super) fn groups_went(&mut self, now: Instant, has_dead: bool) {
        self.tidy_at = has_dead.then(|| now + TIDY_DELAY);
    }

    /// There are watches to give back, which do not put off those before them.
    pub(super) fn tidy_later(&mut self, now: Instant) {
        self.tidy_at.get_or_insert(now + TIDY_DELAY);
    }

    /// There are watches to give back, and others wait for them.
    pub(super) fn tidy_now(&mut self, now: Instant) {
        self.tidy_at.get_or_insert(now);
    }

    /// Some watches were given back.
    pub(super) fn tidied(&mut self, now: Instant, took: Duration, has_dead: bool) {
        self.tidy_at = has_dead.then(|| now + REST * took);
    }

    /// Something on screen may have changed in a way of which only a part was announced.
    pub(super) fn set_dirty(&mut self, dirty: bool) {
        self.dirty |= dirty;
    }

    /// A poll begins; whether all that is on screen is to be read, for it is dirty.
    pub(super) fn poll_began(&mut self, now: Instant) -> bool {
        self.polled_at = now;
        std::mem::take(&mut self.dirty)
    }

    /// What is on screen has just been read: it is not dirty.
    pub(super) fn screen_was_read(&mut self) {
        self.dirty = false;
    }

    /// A poll is complete.
    pub(super) fn poll_ended(&mut self, now: Instant) {
        self.poll_took = now.duration_since(self.polled_at);
    }

    /// Whether a v1 group is freezing.
    pub(super) fn set_freezing(&mut self, now: Instant, freezing: bool) {
        self.freezing_since = freezing.then(|| self.freezing_since.unwrap_or(now));
    }

    /// A part of a walk was done.
    pub(super) fn walked(&mut self, took: Duration) {
        self.walk_took += took;
    }

    /// Anything new was found, by a walk or otherwise.
    pub(super) fn set_news(&mut self, news: bool) {
        self.walk_found_news |= news;
    }

    /// A walk is complete.
    pub(super) fn walk_ended(&mut self, now: Instant) {
        let found_news = std::mem::take(&mut self.walk_found_news);
        self.walk_rest = if found_news { REST } else { (2 * self.walk_rest).min(MAX_REST) };
        self.next_walk_at = now + self.walk_rest * std::mem::take(&mut self.walk_took);
    }

    /// Whether the next walk that only polls may begin.
    pub(super) fn may_walk(&self, now: Instant) -> bool {
        now >= self.next_walk_at
    }

    /// When something is read that nobody asks for; `None` for never.
    fn poll_at(&self, now: Instant, pending: Pending) -> Option<Instant> {
        let (first, slow) = FREEZING_INTERVAL;
        let freezing = self.freezing_since.map(|since| (now.duration_since(since) / 8).clamp(first, slow));
        let interval = freezing.or_else(|| pending.polled.then_some(POLL_INTERVAL))?;
        Some((self.polled_at + interval).max(self.may_poll_at()))
    }

    /// When the next poll may begin: to read thousands of processes takes its time.
    fn may_poll_at(&self) -> Instant {
        self.polled_at + self.poll_took * (REST + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const IDLE: Pending = Pending {
        scanned: true,
        walks: false,
        unwatched: false,
        misplaced: false,
        worn: false,
        polled: false,
    };

    fn schedule() -> (Schedule, Instant) {
        let now = Instant::now();
        (Schedule::new(now), now)
    }

    #[test]
    fn idle_costs_nothing() {
        let (schedule, now) = schedule();
        assert_eq!(schedule.due_at(now, IDLE), None);
    }

    #[test]
    fn one_hint_is_followed_at_once_and_a_storm_is_gathered() {
        let (mut schedule, now) = schedule();
        let later = now + 100 * MS;
        schedule.hints_came(later);
        assert_eq!(schedule.due_at(later, IDLE), Some(later));
        assert_eq!(schedule.next(later, IDLE), Task::FollowHints);
        schedule.hints_followed(later, false, false);
        schedule.hints_came(later + MS);
        assert_eq!(schedule.due_at(later + MS, IDLE), Some(later + GATHER));
    }

    #[test]
    fn a_storm_of_hints_starves_no_walk() {
        let (mut schedule, now) = schedule();
        let walking = Pending { walks: true, ..IDLE };
        let mut done = Vec::new();
        for step in 0..6 {
            let now = now + step * GATHER;
            schedule.hints_came(now);
            let task = schedule.next(now, walking);
            if task == Task::FollowHints {
                schedule.hints_followed(now, true, true);
            }
            done.push(task);
        }
        let (hints, walks) = (Task::FollowHints, Task::Walk);
        assert_eq!(done, [walks, hints, walks, hints, walks, hints]);
    }

    #[test]
    fn new_groups_are_watched_before_the_walk_goes_on_but_not_before_the_first_is_complete() {
        let (mut schedule, now) = schedule();
        let both = Pending { walks: true, unwatched: true, ..IDLE };
        assert_eq!(schedule.next(now, both), Task::Watch);
        assert_eq!(schedule.next(now, Pending { scanned: false, ..both }), Task::Walk);
    }

    #[test]
    fn misplaced_groups_wait_for_the_hints_that_may_explain_them() {
        let (mut schedule, now) = schedule();
        let misplaced = Pending { misplaced: true, ..IDLE };
        assert_eq!(schedule.due_at(now, misplaced), Some(now));
        schedule.hints_came(now);
        assert_eq!(schedule.due_at(now, misplaced), Some(now + GATHER));
        schedule.hints_followed(now, false, false);
        assert_eq!(schedule.next(now, misplaced), Task::Recheck);
    }

    #[test]
    fn a_poll_rests_four_times_as_long_as_it_took() {
        let (mut schedule, now) = schedule();
        let polled = Pending { polled: true, ..IDLE };
        assert_eq!(schedule.due_at(now, polled), Some(now + POLL_INTERVAL));
        schedule.poll_began(now);
        schedule.poll_ended(now + 600 * MS);
        assert_eq!(schedule.due_at(now, polled), Some(now + 3000 * MS));
        // What was announced meanwhile waits for the same.
        schedule.set_dirty(true);
        assert_eq!(schedule.due_at(now, IDLE), Some(now + 3000 * MS));
        assert_eq!(schedule.next(now + 3000 * MS, IDLE), Task::Poll { force: true });
        assert!(schedule.poll_began(now + 3000 * MS) && !schedule.poll_began(now + 3001 * MS));
    }

    #[test]
    fn a_v1_group_that_freezes_is_read_often_at_first() {
        let (mut schedule, now) = schedule();
        schedule.set_freezing(now, true);
        schedule.poll_began(now);
        schedule.poll_ended(now);
        assert_eq!(schedule.due_at(now, IDLE), Some(now + 50 * MS));
        let late = now + 60_000 * MS;
        schedule.set_freezing(late, true);
        schedule.poll_began(late);
        schedule.poll_ended(late);
        assert_eq!(schedule.due_at(late, IDLE), Some(late + POLL_INTERVAL));
        schedule.set_freezing(late, false);
        assert_eq!(schedule.due_at(late, IDLE), None);
    }

    #[test]
    fn walks_that_find_nothing_become_rare() {
        let (mut schedule, now) = schedule();
        let rest_after = |schedule: &mut Schedule, news| {
            schedule.walked(100 * MS);
            schedule.set_news(news);
            schedule.walk_ended(now);
            (1..).map(|times| times * 100 * MS).find(|&rest| schedule.may_walk(now + rest)).unwrap()
        };
        assert_eq!(rest_after(&mut schedule, true), 400 * MS);
        let rare: Vec<_> = (0..4).map(|_| rest_after(&mut schedule, false)).collect();
        assert_eq!(rare, [800 * MS, 1600 * MS, 2400 * MS, 2400 * MS]);
        assert_eq!(rest_after(&mut schedule, true), 400 * MS);
    }

    #[test]
    fn removed_groups_are_gathered_before_their_watches_are_given_back() {
        let (mut schedule, now) = schedule();
        schedule.groups_went(now, true);
        assert_eq!(schedule.due_at(now, IDLE), Some(now + TIDY_DELAY));
        schedule.groups_went(now + 100 * MS, true);
        assert_eq!(schedule.due_at(now, IDLE), Some(now + 100 * MS + TIDY_DELAY));
        let then = now + 300 * MS;
        assert_eq!(schedule.next(then, IDLE), Task::Tidy);
        schedule.tidied(then, 10 * MS, true);
        assert_eq!(schedule.due_at(then, IDLE), Some(then + 40 * MS));
        schedule.tidied(then, 10 * MS, false);
        assert_eq!(schedule.due_at(then, IDLE), None);
        assert_eq!(schedule.next(then, Pending { worn: true, walks: true, ..IDLE }), Task::Tidy);
    }
}
