-- one row per funded project whose members in the one file are not as many as the other file says, or that has no lead or two
-- the Zukunftsräume of Niedersachsen (ZR-NI) are led by districts that are not listed among the members
select
  'facts_funding' as source_id, projects.edition, projects.row_number,
  format('{} members of {} and one lead', projects.n_members, projects.project_id) as expected,
  format('{} members and {} leads', count(*) filter (where members.role = 'member'), count(*) filter (where members.role = 'lead')) as found
from typed__facts_funding__projects as projects
left join typed__facts_funding__members as members using (project_id)
group by all
having count(*) filter (where members.role = 'member') <> projects.n_members or count(*) filter (where members.role = 'lead') > 1
  or count(*) filter (where members.role = 'lead') = 0 and projects.project_id not like 'ZR-NI-%'
