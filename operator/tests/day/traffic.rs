//! The traffic is what the simulation's page says of it.

use crate::model::traffic::{DAY, Shape, Traffic, WARM_UP, bytes};

const TENFOLD: Shape = Shape {
    name: "day",
    noon: 10_000.0,
    evening: 1_000.0,
    crowd: None,
};

#[test]
fn the_article_s_day_has_ten_times_as_many_at_noon_as_in_the_evening() {
    let traffic = Traffic::new(TENFOLD, 1, DAY);
    let mut present = 0_i32;
    let mut by_second = vec![0; traffic.seconds as usize];
    let mut events = traffic.events.iter().peekable();
    for second in 0..traffic.seconds {
        while let Some(event) = events.next_if(|event| event.at == second) {
            present += if event.joins { 1 } else { -1 };
        }
        by_second[second as usize] = present;
    }
    let mean = |from: u32, to: u32| {
        let hours = (WARM_UP + from * 3_600) as usize..(WARM_UP + to * 3_600) as usize;
        let length = hours.len() as f64;
        by_second[hours]
            .iter()
            .map(|one| f64::from(*one))
            .sum::<f64>()
            / length
    };
    let (noon, evening) = (mean(12, 13), mean(19, 24));
    assert!((8_500.0..11_500.0).contains(&noon), "{noon}");
    assert!((850.0..1_150.0).contains(&evening), "{evening}");
}

#[test]
fn the_same_seed_makes_the_same_traffic() {
    let load = |seed| Traffic::new(TENFOLD, seed, 600).load();
    assert_eq!(load(1), load(1));
    assert_ne!(load(1), load(2));
}

#[test]
fn a_conference_of_two_is_two_ways_of_one_picture() {
    assert_eq!(bytes(0), 0);
    assert_eq!(bytes(1), 180_000);
    assert_eq!(bytes(2), 2 * 380_000);
    assert_eq!(bytes(3), 3 * 400_000);
    assert_eq!(bytes(40), 40 * 680_000);
}
