//! The rights of the services, spread over the roles that there are: three, one for several services, or none beside the owner.

/// The statements of `template` with the names of roles in the place of `{web}`, `{worker}` and `{auditor}`.
///
/// A statement that nobody is left for is left out. `{worker_alone}` is the worker without the roles that serve the web too: what is kept
/// from a worker is not kept from a role that does both.
pub(super) fn for_roles(template: &str, web: &[String], worker: &[String], auditor: &[String]) -> String {
    let alone: Vec<String> = worker.iter().filter(|name| !web.contains(name)).cloned().collect();
    let text: String = template.lines().filter(|line| !line.trim_start().starts_with("--")).flat_map(|line| [line, "\n"]).collect();
    let statement = |statement: &str| {
        let (what, whom) = [" TO ", " FROM "].iter().find_map(|word| {
            let at = statement.rfind(word)? + word.len();
            Some(statement.split_at(at))
        })?;
        let mut names: Vec<String> = Vec::new();
        for one in whom.split(',').map(str::trim) {
            match one {
                "{web}" => names.extend(web.iter().map(|name| quoted(name))),
                "{worker}" => names.extend(worker.iter().map(|name| quoted(name))),
                "{worker_alone}" => names.extend(alone.iter().map(|name| quoted(name))),
                "{auditor}" => names.extend(auditor.iter().map(|name| quoted(name))),
                other => names.push(other.to_owned()),
            }
        }
        (!names.is_empty()).then(|| format!("{what}{};", names.join(", ")))
    };
    text.split(';').map(str::trim).filter_map(statement).collect::<Vec<_>>().join("\n")
}

/// An identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "-- A comment; with a semicolon.\nREVOKE ALL ON SCHEMA s FROM PUBLIC, {web}, {worker};\n\
        GRANT SELECT ON a,\n    b TO {web};\nGRANT SELECT ON c TO {worker}, {auditor};\nREVOKE SELECT ON a FROM {worker_alone};\n";

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn each_service_by_its_own_role() {
        assert_eq!(
            for_roles(TEMPLATE, &names(&["w"]), &names(&["r", "odd\"one"]), &names(&["a"])),
            "REVOKE ALL ON SCHEMA s FROM PUBLIC, \"w\", \"r\", \"odd\"\"one\";\nGRANT SELECT ON a,\n    b TO \"w\";\n\
             GRANT SELECT ON c TO \"r\", \"odd\"\"one\", \"a\";\nREVOKE SELECT ON a FROM \"r\", \"odd\"\"one\";"
        );
    }

    #[test]
    fn one_role_for_everything_keeps_the_sum_and_the_owner_alone_needs_nothing() {
        let one = names(&["x"]);
        assert!(!for_roles(TEMPLATE, &one, &one, &one).contains("REVOKE SELECT"));
        assert_eq!(for_roles(TEMPLATE, &[], &[], &[]), "REVOKE ALL ON SCHEMA s FROM PUBLIC;");
    }

    #[test]
    fn the_real_rights_hold_no_other_placeholder() {
        let one = names(&["x"]);
        let real = for_roles(include_str!("../../../../migrations/grants.sql"), &one, &one, &one);
        assert!(!real.contains(['{', '}']), "{real}");
        assert!(real.lines().count() > 30, "{real}");
    }
}
