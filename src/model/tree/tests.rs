use proptest::prelude::*;

use super::*;
use crate::model::Freezer;

const ROOT: CgroupId = CgroupId { dev: 1, ino: 1 };

fn id(ino: u64) -> CgroupId {
    CgroupId { dev: 1, ino }
}

fn group(ino: u64, name: &str, requested: bool, frozen: bool) -> Cgroup {
    let freezer = Freezer::V2 { requested, frozen };
    Cgroup { id: id(ino), name: name.as_bytes().into(), freezer, populated: Some(false) }
}

fn root() -> Tree {
    Tree::new(Cgroup { id: ROOT, name: [].into(), freezer: Freezer::Root, populated: None })
}

fn apply(tree: &mut Tree, change: Change) -> Vec<(What, String)> {
    let mut occurrences = Vec::new();
    tree.apply(change, &mut occurrences);
    occurrences.into_iter().map(|o| (o.what, o.path.to_string())).collect()
}

fn found(parent: CgroupId, groups: impl IntoIterator<Item = Cgroup>) -> Change {
    Change::Found { parent, groups: groups.into_iter().collect() }
}

/// `/a`, `/a/b`, `/a/b/c`, `/z`.
fn small() -> Tree {
    let mut tree = root();
    apply(&mut tree, found(ROOT, [group(9, "z", false, false), group(2, "a", false, false)]));
    apply(&mut tree, found(id(2), [group(3, "b", false, false)]));
    apply(&mut tree, found(id(3), [group(4, "c", false, false)]));
    tree
}

fn paths(tree: &Tree) -> Vec<String> {
    tree.subtree(tree.root()).map(|key| tree.path(key).to_string()).collect()
}

fn below(tree: &Tree, path: &str) -> Below {
    let key = tree.at(&CgroupPath::new(path.as_bytes())).unwrap();
    tree.get(key).unwrap().below
}

#[test]
fn siblings_stand_by_name_and_are_found_by_path() {
    let tree = small();
    assert_eq!(paths(&tree), ["/", "/a", "/a/b", "/a/b/c", "/z"]);
    assert_eq!(tree.at(&CgroupPath::new(b"/a/b/c")), tree.find(id(4)));
    assert_eq!(tree.at(&CgroupPath::new(b"/a/x")), None);
    assert_eq!(below(&tree, "/a"), Below { groups: 2, frozen: 0, freezing: 0 });
}

#[test]
fn a_request_above_makes_all_below_freezing_until_they_are_frozen() {
    let mut tree = small();
    assert_eq!(apply(&mut tree, Change::Read(group(2, "a", true, false))), []);
    assert_eq!(below(&tree, "/"), Below { groups: 4, frozen: 0, freezing: 3 });
    assert_eq!(
        apply(&mut tree, Change::Read(group(4, "c", false, true))),
        [(What::Frozen, "/a/b/c".to_owned())]
    );
    assert_eq!(below(&tree, "/a"), Below { groups: 2, frozen: 1, freezing: 1 });
    let c = tree.find(id(4)).unwrap();
    assert_eq!(tree.inherited_from(c), tree.find(id(2)));
    assert_eq!(tree.inherited_from(tree.find(id(2)).unwrap()), None);

    let thawed = apply(&mut tree, Change::Read(group(2, "a", false, false)));
    assert!(thawed.contains(&(What::Thawed, "/a".to_owned())));
    assert!(thawed.contains(&(What::Thawed, "/a/b".to_owned())));
}

#[test]
fn what_is_not_in_a_complete_listing_is_gone_with_all_below() {
    let mut tree = small();
    let told = apply(&mut tree, Change::Listed { parent: ROOT, present: vec![id(9)] });
    assert_eq!(told.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>(), ["/a/b/c", "/a/b", "/a"]);
    assert_eq!(paths(&tree), ["/", "/z"]);
    assert_eq!(below(&tree, "/").groups, 1);
}

#[test]
fn made_again_under_the_same_name_is_another_group() {
    let mut tree = small();
    let told = apply(&mut tree, found(ROOT, [group(20, "z", false, true)]));
    let expected = [What::Removed, What::Created, What::Frozen].map(|what| (what, "/z".to_owned()));
    assert_eq!(told, expected);
    assert_eq!(tree.find(id(9)), None);
}

#[test]
fn a_renamed_group_moves_to_its_place() {
    let mut tree = small();
    assert_eq!(apply(&mut tree, Change::Read(group(2, "zz", false, false))), []);
    assert_eq!(paths(&tree), ["/", "/z", "/zz", "/zz/b", "/zz/b/c"]);
}

#[test]
fn doubled_and_lost_facts_change_nothing() {
    let mut tree = small();
    assert_eq!(apply(&mut tree, found(ROOT, [group(2, "a", false, false)])), []);
    assert_eq!(apply(&mut tree, found(id(77), [group(78, "x", false, false)])), []);
    assert_eq!(apply(&mut tree, Change::Gone(id(77))), []);
    assert_eq!(apply(&mut tree, Change::Gone(ROOT)), []);
    assert_eq!(tree.len(), 5);
}

/// The truth that a tree is told about: parent, name, own request, frozen, by inode.
type Truth = std::collections::BTreeMap<u64, (u64, bool, bool)>;

#[derive(Debug, Clone)]
enum Step {
    Make { below: usize, requested: bool },
    Remove(usize),
    Flip { which: usize, requested: bool, frozen: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..20usize, any::<bool>()).prop_map(|(below, requested)| Step::Make { below, requested }),
        (0..20usize).prop_map(Step::Remove),
        (0..20usize, any::<bool>(), any::<bool>()).prop_map(|(which, requested, frozen)| Step::Flip {
            which,
            requested,
            frozen
        }),
    ];
    proptest::collection::vec(step, 0..60)
}

fn nth(truth: &Truth, n: usize) -> u64 {
    let all: Vec<u64> = std::iter::once(1).chain(truth.keys().copied()).collect();
    all[n % all.len()]
}

fn remove(truth: &mut Truth, ino: u64) {
    let children: Vec<u64> = truth.iter().filter(|(_, t)| t.0 == ino).map(|(&i, _)| i).collect();
    for child in children {
        remove(truth, child);
    }
    truth.remove(&ino);
}

fn of_truth(ino: u64, &(_, requested, frozen): &(u64, bool, bool)) -> Cgroup {
    group(ino, &format!("g{ino}"), requested, frozen)
}

fn scan(truth: &Truth) -> Tree {
    let mut tree = root();
    for (&ino, t) in truth {
        apply(&mut tree, found(id(t.0), [of_truth(ino, t)]));
    }
    tree
}

/// Everything that can be seen of a tree, by path.
fn seen(tree: &Tree) -> Vec<(String, Option<State>, bool, Below)> {
    let describe = |key| {
        let node = tree.get(key).unwrap();
        (tree.path(key).to_string(), node.state(), node.inherited, node.below)
    };
    tree.subtree(tree.root()).map(describe).collect()
}

proptest! {
    #[test]
    fn told_step_by_step_equals_a_fresh_scan(steps in steps()) {
        let (mut truth, mut tree, mut next) = (Truth::new(), root(), 2);
        for step in steps {
            match step {
                Step::Make { below, requested } => {
                    let parent = nth(&truth, below);
                    truth.insert(next, (parent, requested, false));
                    apply(&mut tree, found(id(parent), [of_truth(next, &truth[&next])]));
                    next += 1;
                }
                Step::Remove(which) => {
                    let ino = nth(&truth, which);
                    if ino != 1 {
                        remove(&mut truth, ino);
                        apply(&mut tree, Change::Gone(id(ino)));
                    }
                }
                Step::Flip { which, requested, frozen } => {
                    let ino = nth(&truth, which);
                    if let Some(entry) = truth.get_mut(&ino) {
                        *entry = (entry.0, requested, frozen);
                        apply(&mut tree, Change::Read(of_truth(ino, &truth[&ino])));
                    }
                }
            }
        }
        prop_assert_eq!(seen(&tree), seen(&scan(&truth)));
    }
}
