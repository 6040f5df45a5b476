// What GitHub's own JavaScript client does as the App; prints what it saw.
const { App, Octokit } = require("octokit");
const baseUrl = process.env.API;
(async () => {
  const Client = Octokit.defaults({ baseUrl });
  const app = new App({ appId: process.env.APP_ID, privateKey: process.env.KEY, Octokit: Client });
  const seen = [(await app.octokit.request("GET /app")).data.slug];
  for await (const { octokit, repository } of app.eachRepository.iterator()) {
    const at = { owner: repository.owner.login, repo: repository.name };
    const { repository: found } = await octokit.graphql(
      `query($owner: String!, $repo: String!) { repository(owner: $owner, name: $repo) {
         id defaultBranchRef { target { oid } } f: object(expression: "HEAD:README.md") { ... on Blob { text } } } }`, at);
    seen.push(found.f.text);
    const oid = found.defaultBranchRef.target.oid;
    await octokit.rest.git.createRef({ ...at, ref: "refs/heads/bot", sha: oid });
    await octokit.graphql(`mutation($c: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $c) { commit { oid } } }`,
      { c: { branch: { repositoryNameWithOwner: "ada/digits", branchName: "bot" }, message: { headline: "Lock" }, expectedHeadOid: oid,
             fileChanges: { additions: [{ path: "Pipfile.lock", contents: "e30K" }] } } });
    const { data: pull } = await octokit.rest.pulls.create({ ...at, head: "bot", base: "main", title: "Update", body: "text" });
    await octokit.rest.checks.create({ ...at, name: "evidence", head_sha: pull.head.sha, status: "completed", conclusion: "success", output: { title: "t", summary: "s" } });
    const issues = await octokit.paginate(octokit.rest.issues.listForRepo, { ...at, per_page: 1, state: "all" });
    seen.push(pull.number, issues.length, (await octokit.rest.pulls.listFiles({ ...at, pull_number: pull.number })).data[0].filename);
    try { await octokit.rest.pulls.create({ ...at, head: "bot", base: "main", title: "Again" }); } catch (e) { seen.push(e.status, e.response.data.errors[0].message); }
  }
  console.log(JSON.stringify(seen));
})().catch((error) => { console.error(error); process.exit(1); });
