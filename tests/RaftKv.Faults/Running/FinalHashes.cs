using RaftKv.Faults.Checking;
using RaftKv.Faults.Histories;
using RaftKv.Protocol.Etcd;
using RaftKv.Stores;

namespace RaftKv.Faults.Running;

/// <summary>Asks all members for the hash of their keys at one revision, when all of them have it.</summary>
internal sealed class FinalHashes(FaultCluster cluster, Recorder recorder)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);

    public async Task TakeAsync()
    {
        var until = DateTime.UtcNow + Patience;
        while (true)
        {
            var hashes = await Task.WhenAll(cluster.Members.Select(HashAsync));
            var isSame = Array.TrueForAll(hashes, hash => hash.IsOk) && hashes.Select(hash => (hash.Revision, hash.CompactRevision)).Distinct().Count() == 1;
            if (isSame || DateTime.UtcNow > until)
            {
                foreach (var hash in hashes)
                {
                    recorder.Add(hash);
                }

                return;
            }

            await Task.Delay(Rest);
        }
    }

    private async Task<Invocation> HashAsync(StoreMember member)
    {
        await using var client = new StoreClient(member.Client) { Patience = TimeSpan.FromSeconds(5) };
        var asked = Recorder.Asked(-1, EqualHashes.Call) with { Member = member.Name, Begin = recorder.Now };
        try
        {
            var answer = await client.CallAsync<HashKVResponse>("hashkv", new HashKVRequest());
            return asked with { End = recorder.Now, Revision = answer.Header.Revision, CompactRevision = answer.CompactRevision, Hash = answer.Hash };
        }
        catch (StoreException failed)
        {
            return asked with { End = recorder.Now, Outcome = Outcome.Fail, Error = failed.Message };
        }
    }
}
