// Typed clients, watches and informers of @kubernetes/client-node against one server: node client.js http://host:port
//
// Prints 'ok NAME' or 'FAIL NAME: why' for each check, and 'done' at the end. When it prints 'restart', the server is to
// be killed and started again; a line on standard input says that it was.
import assert from 'node:assert';
import { once } from 'node:events';
import readline from 'node:readline';
import * as k8s from '@kubernetes/client-node';

const PATIENCE_MS = 60_000;
const NAMESPACE = 'npm';

const config = new k8s.KubeConfig();
config.loadFromClusterAndUser({ name: 'raftkv', server: process.argv[2], skipTLSVerify: true }, { name: 'tests' });
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const custom = config.makeApiClient(k8s.CustomObjectsApi);
const extensions = config.makeApiClient(k8s.ApiextensionsV1Api);
const authorization = config.makeApiClient(k8s.AuthorizationV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const input = readline.createInterface({ input: process.stdin });

const wait = ms => new Promise(resolve => setTimeout(resolve, ms));

// Asks again and again until the answer is what is waited for.
async function until(what, ask) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    let last;
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what} did not come: ${last}`);
    await wait(20);
  }
}

async function restart() {
  const restarted = once(input, 'line');
  console.log('restart');
  await restarted;
}

function configMap(name, data) {
  return { metadata: { name }, data };
}

const make = (name, data) => core.createNamespacedConfigMap({ namespace: NAMESPACE, body: configMap(name, data) });
const read = name => core.readNamespacedConfigMap({ namespace: NAMESPACE, name });
const list = () => core.listNamespacedConfigMap({ namespace: NAMESPACE });

async function fails(promise, code, reason) {
  await assert.rejects(async () => await promise, error => {
    assert.strictEqual(error.code, code);
    assert.strictEqual(JSON.parse(error.body).reason, reason);
    return true;
  });
}

const patch = (type, call) => call(k8s.setHeaderOptions('Content-Type', type));

// What its users do, too: an informer that was told of an error is started again.
function informer(path, listFn, labelSelector) {
  const made = k8s.makeInformer(config, path, listFn, labelSelector);
  made.on('error', () => setTimeout(() => made.start().catch(() => {}), 50));
  return made;
}

// Whether the informer's objects are those that the server lists, in the same versions.
async function isEqual(made, listFn) {
  const shown = items => JSON.stringify(items.map(one => `${one.metadata.name}@${one.metadata.resourceVersion}`).sort());
  return shown((await listFn()).items) === shown(made.list());
}

const checks = {
  async 'objects are made, read, changed and deleted'() {
    await core.createNamespace({ body: { metadata: { name: NAMESPACE } } });
    const made = await make('a', { k: 'v' });
    assert.strictEqual((await read('a')).metadata.uid, made.metadata.uid);
    made.data.k = 'w';
    const replaced = await core.replaceNamespacedConfigMap({ namespace: NAMESPACE, name: 'a', body: made });
    assert.notStrictEqual(replaced.metadata.resourceVersion, made.metadata.resourceVersion);
    await fails(core.replaceNamespacedConfigMap({ namespace: NAMESPACE, name: 'a', body: made }), 409, 'Conflict');
    await fails(make('a', {}), 409, 'AlreadyExists');
    await fails(read('none'), 404, 'NotFound');
    await fails(make('No Name', {}), 422, 'Invalid');
    await core.deleteNamespacedConfigMap({ namespace: NAMESPACE, name: 'a' });
    await fails(read('a'), 404, 'NotFound');
  },

  async 'all patches'() {
    const body = {
      metadata: { name: 'web' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    await apps.createNamespacedDeployment({ namespace: NAMESPACE, body });
    const target = { namespace: NAMESPACE, name: 'web' };
    await patch(k8s.PatchStrategy.JsonPatch, as => apps.patchNamespacedDeployment({ ...target, body: [{ op: 'replace', path: '/spec/replicas', value: 2 }] }, as));
    await patch(k8s.PatchStrategy.MergePatch, as => apps.patchNamespacedDeployment({ ...target, body: { metadata: { labels: { m: '1' } } } }, as));
    await patch(k8s.PatchStrategy.StrategicMergePatch, as => apps.patchNamespacedDeployment(
      { ...target, body: { spec: { template: { spec: { containers: [{ name: 'd', image: 'j' }] } } } } }, as));
    await patch(k8s.PatchStrategy.ServerSideApply, as => apps.patchNamespacedDeployment(
      { ...target, fieldManager: 'npm', force: true, body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 3 } } }, as));
    const now = await apps.readNamespacedDeployment(target);
    assert.strictEqual(now.spec.replicas, 3);
    assert.strictEqual(now.metadata.labels.m, '1');
    assert.deepStrictEqual(now.spec.template.spec.containers.map(one => one.name).sort(), ['c', 'd']);
    const scale = await apps.readNamespacedDeploymentScale(target);
    scale.spec.replicas = 5;
    await apps.replaceNamespacedDeploymentScale({ ...target, body: scale });
    assert.strictEqual((await apps.readNamespacedDeployment(target)).spec.replicas, 5);
  },

  async 'lists in pages, by labels and by fields'() {
    for (let i = 0; i < 7; i++) {
      await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: { metadata: { name: `page-${i}`, labels: { even: String(i % 2 === 0) } } } });
    }
    const names = [];
    let token;
    do {
      const page = await core.listNamespacedConfigMap({ namespace: NAMESPACE, limit: 3, _continue: token });
      names.push(...page.items.map(one => one.metadata.name));
      token = page.metadata._continue;
    } while (token);
    assert.strictEqual(names.filter(one => one.startsWith('page-')).length, 7);
    const even = await core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector: 'even=true' });
    assert.strictEqual(even.items.length, 4);
    const one = await core.listNamespacedConfigMap({ namespace: NAMESPACE, fieldSelector: 'metadata.name=page-3' });
    assert.deepStrictEqual(one.items.map(item => item.metadata.name), ['page-3']);
    await core.deleteCollectionNamespacedConfigMap({ namespace: NAMESPACE, labelSelector: 'even' });
    assert.strictEqual((await core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector: 'even' })).items.length, 0);
  },

  async 'resources of one\'s own'() {
    await extensions.createCustomResourceDefinition({
      body: {
        metadata: { name: 'things.npm.example' },
        spec: {
          group: 'npm.example',
          scope: 'Namespaced',
          names: { plural: 'things', kind: 'Thing' },
          versions: [{
            name: 'v1', served: true, storage: true, subresources: { status: {} },
            schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', maximum: 9 } } }, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } },
          }],
        },
      },
    });
    const things = { group: 'npm.example', version: 'v1', namespace: NAMESPACE, plural: 'things' };
    const thing = size => ({ apiVersion: 'npm.example/v1', kind: 'Thing', metadata: { name: `t${size}`, namespace: NAMESPACE }, spec: { size } });
    await until('the definition', () => custom.createNamespacedCustomObject({ ...things, body: thing(1) }));
    await fails(custom.createNamespacedCustomObject({ ...things, body: thing(10) }), 422, 'Invalid');
    const read = await objects.read(thing(1));
    assert.strictEqual(read.spec.size, 1);
    const all = await custom.listNamespacedCustomObject(things);
    assert.strictEqual(all.items.length, 1);
  },

  async 'what one may'() {
    const review = await authorization.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes: { verb: 'create', resource: 'pods' } } } });
    assert.strictEqual(review.status.allowed, true);
  },

  async 'a watch tells everything in order'() {
    const from = (await list()).metadata.resourceVersion;
    const seen = [];
    const ended = new Promise(resolve => {
      new k8s.Watch(config).watch(
        `/api/v1/namespaces/${NAMESPACE}/configmaps`, { resourceVersion: from, timeoutSeconds: 3, labelSelector: 'watched' },
        (type, one) => seen.push(`${type} ${one.metadata.name}`), resolve);
    });
    await core.createNamespacedConfigMap({ namespace: NAMESPACE, body: { metadata: { name: 'w', labels: { watched: '' } } } });
    await patch(k8s.PatchStrategy.MergePatch, as => core.patchNamespacedConfigMap({ namespace: NAMESPACE, name: 'w', body: { data: { x: 'y' } } }, as));
    await core.deleteNamespacedConfigMap({ namespace: NAMESPACE, name: 'w' });
    await ended;
    assert.deepStrictEqual(seen, ['ADDED w', 'MODIFIED w', 'DELETED w']);
  },

  async 'a version that never was is refused'() {
    const error = await new Promise(resolve => {
      new k8s.Watch(config).watch(`/api/v1/namespaces/${NAMESPACE}/configmaps`, { resourceVersion: 'x' }, () => {}, resolve);
    });
    assert.strictEqual(error.statusCode, 400);
  },

  async 'an informer goes on through restarts of the server'() {
    const made = informer(`/api/v1/namespaces/${NAMESPACE}/configmaps`, list);
    const told = { add: new Map(), update: [], delete: [] };
    made.on('add', one => told.add.set(one.metadata.name, (told.add.get(one.metadata.name) ?? 0) + 1));
    made.on('update', one => told.update.push(one.metadata.name));
    made.on('delete', one => told.delete.push(one.metadata.name));
    await make('before', { n: '0' });
    await made.start();
    for (let round = 1; round <= 3; round++) {
      await make(`in-${round}`, {});
      await restart();

      // A write whose answer is lost may have happened.
      await until('a write after the restart', () => make(`after-${round}`, {}).catch(error => error.code === 409 || Promise.reject(error)));
      await until('an update', () => patch(k8s.PatchStrategy.MergePatch, as => core.patchNamespacedConfigMap({ namespace: NAMESPACE, name: 'before', body: { data: { n: String(round) } } }, as)));
      await until('a deletion', () => core.deleteNamespacedConfigMap({ namespace: NAMESPACE, name: `in-${round}` }).catch(error => error.code === 404 || Promise.reject(error)));
      await until('what the server has', () => isEqual(made, list));
      assert.strictEqual(made.get('before', NAMESPACE).data.n, String(round));
    }
    await made.stop();
    for (let round = 1; round <= 3; round++) {
      assert.strictEqual(told.add.get(`after-${round}`), 1);
      assert.ok(told.delete.includes(`in-${round}`));
    }
    assert.ok(told.update.includes('before'));
  },

  async 'a namespace goes with everything in it'() {
    await core.deleteNamespace({ name: NAMESPACE });
    await until('the end of the namespace', () => core.readNamespace({ name: NAMESPACE }).then(() => false, error => error.code === 404));
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}: ${error.stack.replaceAll('\n', ' | ')}`);
  }
}

console.log('done');
process.exit(0);
