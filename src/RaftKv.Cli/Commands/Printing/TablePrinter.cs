using RaftKv.Cli.Commands.Text;
using RaftKv.Protocol.Etcd;
using RaftKv.Storage.Backups;

namespace RaftKv.Cli.Commands.Printing;

/// <summary>--write-out table: for eyes alone.</summary>
internal sealed class TablePrinter(AnswerWriter output) : AnswerPrinter(output)
{
    public override void MemberList(MemberListResponse response) => Draw(Table.Of(response));

    public override void Status(IReadOnlyList<EndpointAnswer<StatusResponse>> answers) => Draw(Table.Of(answers));

    public override void Health(IReadOnlyList<EndpointHealth> answers) => Draw(Table.Of(answers));

    public override void HashKv(IReadOnlyList<EndpointAnswer<HashKVResponse>> answers) => Draw(Table.Of(answers));

    public override void Snapshot(SnapshotFacts facts) => Draw(Table.Of(facts));

    private void Draw(Table table) => Output.Text(TextTable.Draw(table.Titles, table.Rows));
}
