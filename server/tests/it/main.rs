//! Integration tests of the program as a whole. One binary: linking is what costs.

mod accounts;
mod asked;
mod attack;
mod browser;
mod calendar;
mod codes;
mod conversation;
mod create_admin;
mod database_pages;
mod demo;
mod doors;
mod evidence;
mod factors;
mod feeds;
mod freezes;
mod glass;
mod guard;
#[path = "../../engine/tests/it/house.rs"]
mod house;
mod kinds;
mod limits;
mod links;
mod moves;
mod never;
mod operations;
mod origins;
mod pages;
mod pauses;
mod people;
#[path = "../../engine/tests/it/planted.rs"]
mod planted;
mod policy_pages;
mod production;
mod program;
mod readme;
mod rehearsals;
#[path = "../../engine/tests/it/rehearsed.rs"]
mod rehearsed;
#[path = "../../engine/tests/it/run_rows.rs"]
mod run_rows;
mod series;
mod sessions;
mod settings;
mod several;
mod source;
#[path = "../../engine/tests/it/stage.rs"]
mod stage;
mod streams;
mod supply;
mod webhooks;
