use proptest::prelude::*;

use super::*;
use Version::{V1, V2};

fn path(text: &str) -> CgroupPath {
    CgroupPath::new(text.as_bytes())
}

/// Groups that ask, and who is where: `7` is the process that is dumped unless a test says otherwise.
fn side(version: Version, asking: &[&str], members: &[(i32, &str)]) -> Side {
    Side {
        version,
        unusable: None,
        asking: asking.iter().map(|p| path(p)).collect(),
        members: members.iter().map(|(pid, p)| (*pid, path(p))).collect(),
    }
}

fn scene(sides: Vec<Side>) -> Scene {
    Scene { sides, ..Scene::default() }
}

fn wanted(version: Version, group: &str, pids: &[i32]) -> Wanted {
    Wanted { place: (version, path(group)), pids: pids.iter().copied().collect(), held: pids.len() > 1 }
}

fn through(scene: &Scene, wanted: &Wanted) -> HandOver {
    match scene.decide(wanted) {
        Ok(Choice::Through(hand_over)) => hand_over,
        other => panic!("{other:?}"),
    }
}

fn place(version: Version, group: &str) -> Place {
    (version, path(group))
}

#[test]
fn thawed_the_group_itself_is_handed_over() {
    let hand_over = through(&scene(vec![side(V2, &[], &[(7, "/g"), (8, "/g")])]), &wanted(V2, "/g", &[7]));
    assert_eq!(hand_over, HandOver { top: place(V2, "/g"), asks: false, aside: vec![], paused: vec![8] });
}

#[test]
fn the_topmost_request_holds_and_those_below_are_set_aside() {
    let one = scene(vec![side(V2, &["/a", "/a/g", "/a/g/c", "/a/x", "/z"], &[(7, "/a/g/c"), (9, "/a/x")])]);
    let hand_over = through(&one, &wanted(V2, "/a/g", &[7]));
    assert_eq!((hand_over.top, hand_over.asks), (place(V2, "/a"), true));
    assert_eq!(hand_over.aside, [place(V2, "/a/g"), place(V2, "/a/g/c"), place(V2, "/a/x")]);
    assert_eq!(hand_over.paused, [9]);
}

#[test]
fn a_frozen_child_makes_the_group_hold() {
    let one = scene(vec![side(V2, &["/g/c"], &[(7, "/g/c")])]);
    let hand_over = through(&one, &wanted(V2, "/g", &[7]));
    assert_eq!(
        (hand_over.top, hand_over.asks, hand_over.aside),
        (place(V2, "/g"), false, vec![place(V2, "/g/c")])
    );
}

#[test]
fn v2_holds_while_v1_is_set_aside() {
    let both = |asking: &[&str]| vec![side(V2, asking, &[(7, "/g")]), side(V1, &["/f"], &[(7, "/f")])];
    for (asking, asks) in [(&["/g"][..], true), (&[], false)] {
        for named in [wanted(V2, "/g", &[7]), wanted(V1, "/f", &[7])] {
            // Named by its v1 group, and frozen there alone, it is left to v1.
            if named.place.0 == V1 && !asks {
                continue;
            }
            let hand_over = through(&scene(both(asking)), &named);
            assert_eq!((hand_over.top, hand_over.asks), (place(V2, "/g"), asks));
            assert_eq!(hand_over.aside, [place(V1, "/f")]);
        }
    }
    let hand_over = through(&scene(both(&[])), &wanted(V1, "/f", &[7]));
    assert_eq!((hand_over.top, hand_over.aside), (place(V1, "/f"), vec![]));
}

#[test]
fn v1_holds_where_v2_knows_the_root_group_only() {
    let one = scene(vec![side(V2, &[], &[(7, "/")]), side(V1, &["/f"], &[(7, "/f")])]);
    assert_eq!(through(&one, &wanted(V1, "/f", &[7])).top, place(V1, "/f"));
}

#[test]
fn a_stopped_process_goes_through_v2_or_not_at_all() {
    let mut one = scene(vec![side(V2, &[], &[(7, "/g")]), side(V1, &["/f"], &[(7, "/f")])]);
    one.stopped.insert(7);
    assert_eq!(through(&one, &wanted(V1, "/f", &[7])).top, place(V2, "/g"));
    one.sides.remove(0);
    assert_eq!(one.decide(&wanted(V1, "/f", &[7])), Err(vec![Obstacle::Stopped(7)]));
    one.sides[0].asking.clear();
    assert_eq!(one.decide(&wanted(V1, "/f", &[7])), Ok(Choice::Plain));
}

#[test]
fn what_must_run_is_not_paused() {
    let mut one = scene(vec![side(V2, &[], &[(7, "/g"), (2, "/g")])]);
    one.vital.insert(2, "process 2 is the shell".to_owned());
    assert_eq!(one.decide(&wanted(V2, "/g", &[7])), Ok(Choice::Plain));
    let mut both = wanted(V2, "/g", &[7]);
    both.held = true;
    assert!(matches!(one.decide(&both), Err(all) if matches!(all[..], [Obstacle::Vital(..)])));
}

#[test]
fn nobody_else_runs_while_a_request_is_set_aside() {
    let members = [(7, "/f"), (8, "/f")];
    let one = scene(vec![side(V2, &["/g"], &[(7, "/g"), (8, "/other")]), side(V1, &["/f"], &members)]);
    // Through v2 process 8 would run while /f is set aside; through v1 the v2 request holds nobody else.
    let hand_over = through(&one, &wanted(V2, "/g", &[7]));
    assert_eq!((hand_over.top, hand_over.aside), (place(V1, "/f"), vec![place(V2, "/g")]));
    let mut neither = one;
    neither.sides[0].members.insert(9, path("/g"));
    neither.sides[1].members.insert(9, path("/"));
    let obstacles = neither.decide(&wanted(V2, "/g", &[7])).unwrap_err();
    assert!(obstacles.iter().all(|o| matches!(o, Obstacle::HoldsMore { .. })) && obstacles.len() == 2);
}

#[test]
fn a_tree_that_reaches_out_of_its_group_is_held_by_a_group_above() {
    let one = scene(vec![side(V2, &["/a"], &[(7, "/a/g"), (8, "/a/h")])]);
    assert_eq!(through(&one, &wanted(V2, "/a/g", &[7, 8])).top, place(V2, "/a"));
    let apart = scene(vec![side(V2, &["/g"], &[(7, "/g"), (8, "/h")])]);
    assert_eq!(apart.decide(&wanted(V2, "/g", &[7, 8])), Err(vec![Obstacle::Root(V2)]));
}

#[test]
fn who_is_held_with_one_request_more() {
    let one = scene(vec![side(V2, &["/g/c"], &[(7, "/g/c"), (8, "/g"), (9, "/h")])]);
    let held =
        |group: &str, pids: &[i32]| one.holds_all_with(&place(V2, group), &pids.iter().copied().collect());
    assert!(held("/g", &[7, 8]) && held("/h", &[7, 9]));
    assert!(!held("/g", &[7, 8, 9]) && !held("/h", &[7, 8]));
}

/// Groups three deep, any of which may ask, and processes anywhere.
fn any_side(version: Version) -> impl Strategy<Value = Side> {
    let group = || proptest::sample::select(vec!["/", "/a", "/a/b", "/a/b/c", "/a/d", "/e"]);
    let asking = proptest::collection::btree_set(group(), 0..4);
    let members = proptest::collection::btree_map(1..6, group(), 5);
    (asking, members).prop_map(move |(asking, members)| Side {
        version,
        unusable: None,
        asking: asking.into_iter().filter(|p| *p != "/").map(path).collect(),
        members: members.into_iter().map(|(pid, p)| (pid, path(p))).collect(),
    })
}

proptest! {
    /// Set the top, take the requests aside back one by one: whoever was held at the start is held at every moment, and at
    /// the end all that is to be dumped is held by the top alone.
    #[test]
    fn nothing_runs_in_between(v2 in any_side(V2), v1 in any_side(V1), pids in proptest::collection::btree_set(1..6, 1..3)) {
        let mut now = scene(vec![v2, v1]);
        let group = now.sides[0].common(&pids, None).unwrap();
        let request = Wanted { place: (V2, group), held: pids.len() > 1, pids };
        let Ok(Choice::Through(hand_over)) = now.decide(&request) else { return Ok(()) };
        let all: BTreeSet<i32> = (1..6).collect();
        let held = |scene: &Scene, pid| scene.holds_any(&BTreeSet::from([pid]));
        let at_first: Vec<i32> = all.iter().copied().filter(|&pid| held(&now, pid)).collect();
        let set = |scene: &mut Scene, (version, group): &Place, ask: bool| {
            let side = scene.sides.iter_mut().find(|side| side.version == *version).unwrap();
            if ask { side.asking.insert(group.clone()) } else { side.asking.remove(group) };
        };
        set(&mut now, &hand_over.top, true);
        for place in &hand_over.aside {
            set(&mut now, place, false);
            prop_assert!(at_first.iter().all(|&pid| held(&now, pid)));
        }
        for &pid in &request.pids {
            let holders: Vec<Place> = now.sides.iter()
                .flat_map(|side| side.holders(pid).map(|path| (side.version, path.clone())))
                .collect();
            prop_assert_eq!(holders, std::slice::from_ref(&hand_over.top));
        }
    }
}
