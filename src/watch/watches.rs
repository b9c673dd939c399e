//! Which groups are watched, over several inotify instances.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::budget::{Budget, WATCHES_PER_GROUP};
use super::hints::{Hint, Hints};
use super::inotify::{Instance, WatchError};
use crate::model::CgroupId;

/// How many instances are used at most. To give one watch back takes a look at all others of its instance, so several smaller ones
/// are better; and each takes a thread and three descriptors.
const MAX_INSTANCES: usize = 8;
/// How many groups an instance takes before there is another one.
const MIN_GROUPS_PER_INSTANCE: usize = 4096;
/// How many of its descriptors a process keeps for other things, for each instance that it makes.
const DESCRIPTORS_PER_INSTANCE: u64 = 64;
/// So many removed groups of an instance are given back one by one. More of them cost more than to watch all others of the
/// instance anew. (0.04 µs for each of its watches, against 35 µs for each of its groups)
const MAX_GIVEN_BACK_SINGLY: usize = 128;
/// With so many removed groups, and a quarter as many as living ones, an instance is tidied up whatever else there is to do.
const MIN_WORN: usize = 500;

/// The groups that are watched: those of one hierarchy, each known by its identity and watched by its directory.
#[derive(Debug)]
pub(super) struct Watches {
    hints: Hints,
    budget: Arc<Budget>,
    instances: BTreeMap<u32, Instance>,
    next: u32,
    /// The instance that watches a group.
    places: HashMap<CgroupId, u32>,
    /// Which group is watched at a path, by the path's hash: the paths themselves would take several times the memory.
    at_paths: HashMap<u64, CgroupId>,
    hasher: RandomState,
}

impl Watches {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            hints: Hints::new(),
            budget,
            instances: BTreeMap::new(),
            next: 0,
            places: HashMap::new(),
            at_paths: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    /// Rings when there are hints, or an instance has ended.
    pub(super) fn bell(&self) -> &Receiver<()> {
        self.hints.bell()
    }

    /// The hints that have come since the last time.
    pub(super) fn take_hints(&self) -> BTreeSet<Hint> {
        self.hints.take()
    }

    /// How many groups are watched.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_watched(&self, id: CgroupId) -> bool {
        self.places.contains_key(&id)
    }

    /// How many more groups can be watched.
    pub(super) fn room(&self) -> usize {
        usize::try_from(self.budget.watches_left() / WATCHES_PER_GROUP).unwrap_or(usize::MAX)
    }

    /// Watches groups, the first ones first. Gives back those that were not at their paths: they are not watched.
    ///
    /// # Errors
    /// [`WatchError`] where some of them could not be watched: those before stay watched.
    pub(super) fn watch(&mut self, groups: Vec<(CgroupId, PathBuf)>) -> Result<Vec<CgroupId>, WatchError> {
        let (mut groups, mut absent) = (groups, Vec::new());
        groups.retain(|(id, _)| !self.is_watched(*id));
        groups.iter().for_each(|(_, directory)| self.give_up(directory));
        while !groups.is_empty() {
            let (place, room) = self.place()?;
            let wanted = groups.len().min(room) as u64 * WATCHES_PER_GROUP;
            let taken = usize::try_from(self.budget.take_watches(wanted) / WATCHES_PER_GROUP).unwrap_or(0);
            let later = groups.split_off(taken);
            let Some(instance) = self.instances.get_mut(&place).filter(|_| taken > 0) else {
                return Err(WatchError::Watches);
            };
            let hasher = &self.hasher;
            let known =
                |(id, directory): (CgroupId, PathBuf)| ((id, hasher.hash_one(&*directory)), directory);
            let (ids, directories): (Vec<(CgroupId, u64)>, Vec<PathBuf>) =
                groups.into_iter().map(known).unzip();
            for ((id, hash), is_there) in ids.into_iter().zip(instance.watch(directories)?) {
                if is_there {
                    self.places.insert(id, place);
                    self.at_paths.insert(hash, id);
                } else {
                    absent.push(id);
                }
            }
            groups = later;
        }
        Ok(absent)
    }

    /// Gives up the watch of the group at a path, which is not that of its next owner: inotify would take the one for the other.
    fn give_up(&mut self, directory: &Path) {
        let before = self.at_paths.remove(&self.hasher.hash_one(directory));
        let place = before.and_then(|before| self.places.remove(&before));
        if let Some(instance) = place.and_then(|place| self.instances.get_mut(&place)) {
            instance.forget(directory.to_owned());
        }
    }

    /// An instance for more groups, and how many it takes.
    fn place(&mut self) -> Result<(u32, usize), WatchError> {
        let most = (self.len() + self.room()).div_ceil(MAX_INSTANCES).max(MIN_GROUPS_PER_INSTANCE);
        let room = |instance: &Instance| most.saturating_sub(instance.len());
        if let Some((&place, instance)) = self.instances.iter().find(|(_, instance)| room(instance) > 0) {
            return Ok((place, room(instance)));
        }
        match self.new_instance() {
            Ok(place) => Ok((place, most)),
            // Slower is better than not at all.
            Err(error) => {
                let smallest = self.instances.iter().min_by_key(|(_, instance)| instance.len());
                smallest.map(|(&place, _)| (place, most)).ok_or(error)
            }
        }
    }

    fn new_instance(&mut self) -> Result<u32, WatchError> {
        let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let by_descriptors = descriptors.map_or(u64::MAX, |most| most / DESCRIPTORS_PER_INSTANCE).max(1);
        if self.instances.len() >= MAX_INSTANCES || self.instances.len() as u64 >= by_descriptors {
            return Err(WatchError::Instances);
        }
        let place = self.next;
        self.instances.insert(place, Instance::new(self.hints.clone(), Arc::clone(&self.budget))?);
        self.next += 1;
        Ok(place)
    }

    /// A group is gone, or has another path than this one: whatever is found there is to be watched anew.
    pub(super) fn forget(&mut self, id: CgroupId, directory: PathBuf) {
        let hash = self.hasher.hash_one(&*directory);
        if self.at_paths.get(&hash) == Some(&id) {
            self.at_paths.remove(&hash);
        }
        let instance = self.places.remove(&id).and_then(|place| self.instances.get_mut(&place));
        if let Some(instance) = instance {
            instance.forget(directory);
        }
    }

    /// Whether there are watches of groups that are gone.
    pub(super) fn has_dead(&self) -> bool {
        self.instances.values().any(|instance| !instance.dead.is_empty())
    }

    /// Whether so many watches are of groups that are gone that they are to be given back now, whatever else there is to do.
    pub(super) fn is_worn(&self) -> bool {
        self.instances.values().any(|instance| instance.dead.len() > MIN_WORN + instance.alive / 4)
    }

    /// Gives back watches of groups that are gone, in the instance with most of them. Returns groups that have lost their own watch
    /// by that: they are to be watched anew, and read.
    pub(super) fn tidy(&mut self) -> Vec<CgroupId> {
        let most = self.instances.iter_mut().max_by_key(|(_, instance)| instance.dead.len());
        let Some((&place, instance)) = most.filter(|(_, instance)| !instance.dead.is_empty()) else {
            return Vec::new();
        };
        if instance.alive > 0 && instance.dead.len() <= MAX_GIVEN_BACK_SINGLY {
            instance.give_back_some();
            return Vec::new();
        }
        self.end(place)
    }

    /// Ends what announces nothing any more. Returns the groups that were watched there.
    pub(super) fn end_broken(&mut self) -> Vec<CgroupId> {
        let ended = self.instances.iter().filter(|(_, instance)| instance.has_ended());
        let places: Vec<u32> = ended.map(|(&place, _)| place).collect();
        places.into_iter().flat_map(|place| self.end(place)).collect()
    }

    /// All watches of an instance are given back with it, and its memory.
    fn end(&mut self, place: u32) -> Vec<CgroupId> {
        self.instances.remove(&place);
        let lost: Vec<CgroupId> = self.places.extract_if(|_, at| *at == place).map(|(id, _)| id).collect();
        self.at_paths.retain(|_, id| self.places.contains_key(id));
        lost
    }
}
