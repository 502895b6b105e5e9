/* An example of the sagews library as one script: it evaluates code in a scratch workspace and shows what comes. */

/* global sagews */

const element = (id) => document.getElementById(id);
const site = new sagews.Site({ addresses: [location.origin] });
const SESSION = "example";
let workspace = null;

/** What a run has put out so far, as text. */
function textOf(run) {
  return run.outputs.map(textOfOutput).join("");
}

function textOfOutput(output) {
  if (output.output_type === "stream") return sagews.joinText(output.text);
  if (output.output_type === "error") return `${output.ename}: ${output.evalue}\n`;
  return `${sagews.joinText(output.data["text/plain"])}\n`;
}

function show(error) {
  element("output").textContent = error.message;
}

async function evaluate() {
  element("evaluate").disabled = true;
  element("output").textContent = "";
  const onOutput = (run) => (element("output").textContent = textOf(run));
  try {
    const run = await workspace.execute(SESSION, "", element("code").value, onOutput);
    element("state").textContent = `The run ended: ${run.status}.`;
  } catch (error) {
    show(error);
  } finally {
    element("evaluate").disabled = false;
  }
}

async function begin() {
  site.on("state", ({ name, reason }) => {
    element("state").textContent = reason ? `${name}: ${reason.message}` : name;
  });
  site.connect();
  const made = await site.api.workspaces.create(`Example ${new Date().toISOString()}`, "scratch");
  workspace = site.workspace(made.id);
  await workspace.attach();
  element("evaluate").disabled = element("interrupt").disabled = false;
}

element("evaluate").addEventListener("click", evaluate);
element("interrupt").addEventListener("click", () => workspace.interrupt(SESSION).catch(show));
begin().catch(show);
