-- Agents by the gateway that they live on, those that go among them; and installations by the question that is asked.
create index agent_gateway_id_idx on agent (gateway_id, created_at desc, id desc);
create index skill_install_check_id_idx on skill_install (check_id) where check_id is not null;
