//! The dependency rule of ARCHITECTURE.md: services never import each other, the mesh imports only the contract, and the
//! contract imports nothing of ours.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

const MESH: [&str; 3] = ["chassis", "bus", "delivery"];

/// What a package of ours may import, beside crates of others.
fn allowed(package: &str) -> BTreeSet<&'static str> {
    let beneath = |names: &[&'static str]| names.iter().copied().collect();
    match package {
        "proto" | "simulator" | "test-ports" => BTreeSet::new(),
        "chassis" => beneath(&["proto"]),
        "bus" => beneath(&["proto", "chassis"]),
        "delivery" => beneath(&["proto", "chassis", "bus"]),
        _ => beneath(&["proto", "chassis", "bus", "delivery"]),
    }
}

#[test]
fn nobody_imports_what_the_architecture_forbids() {
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo reads the workspace");
    let ours: BTreeSet<_> = metadata
        .packages
        .iter()
        .map(|package| package.name.to_string())
        .collect();
    for name in MESH {
        assert!(ours.contains(name), "the mesh has lost {name}");
    }
    let mut breaches = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| package.name.as_str() != "mission-control")
    {
        let allowed = allowed(&package.name);
        for dependency in &package.dependencies {
            let forbidden =
                ours.contains(&dependency.name) && !allowed.contains(dependency.name.as_str());
            // A test may stand a gateway next to what it tests, and needs ports for it.
            let tolerated = dependency.kind == DependencyKind::Development
                && ["simulator", "test-ports"].contains(&dependency.name.as_str());
            if forbidden && !tolerated {
                breaches.push(format!("{} imports {}", package.name, dependency.name));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn every_package_takes_its_lints_from_the_workspace() {
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo reads the workspace");
    for package in metadata.packages {
        let manifest =
            std::fs::read_to_string(&package.manifest_path).expect("a package has a manifest");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} has lints of its own",
            package.name
        );
    }
}
