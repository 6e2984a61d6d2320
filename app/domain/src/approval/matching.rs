//! Seats and people: as many seats as possible, nobody on two of them.

/// Who takes each seat, by the numbers of seats and people: a maximum bipartite matching by augmenting paths. Whoever comes first is seated first.
pub(super) fn matching(seats: usize, people: usize, fits: &dyn Fn(usize, usize) -> bool) -> Vec<Option<usize>> {
    let mut taken = vec![None; seats];
    for person in 0..people {
        seat(person, fits, &mut taken, &mut vec![false; seats]);
    }
    taken
}

fn seat(person: usize, fits: &dyn Fn(usize, usize) -> bool, taken: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for index in 0..taken.len() {
        if seen[index] || !fits(index, person) {
            continue;
        }
        seen[index] = true;
        let free = match taken[index] {
            None => true,
            Some(other) => seat(other, fits, taken, seen),
        };
        if free {
            taken[index] = Some(person);
            return true;
        }
    }
    false
}
