-- one row per funded project whose members in the one file are not as many as the other file says
select
  'facts_funding' as source_id, projects.edition, projects.row_number,
  format('{} members of {} and at most one lead', projects.n_members, projects.project_id) as expected,
  format('{} members and {} leads', count(*) filter (where members.role = 'member'), count(*) filter (where members.role = 'lead')) as found
from typed__facts_funding__projects as projects
left join typed__facts_funding__members as members using (project_id)
group by all
having count(*) filter (where members.role = 'member') <> projects.n_members or count(*) filter (where members.role = 'lead') > 1
  or count(members.project_id) = 0
