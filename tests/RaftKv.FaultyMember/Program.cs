using System.CommandLine;
using RaftKv.Cli.Serve;
using RaftKv.FaultyMember;
using RaftKv.FaultyMember.Control;
using RaftKv.FaultyMember.Disks;
using RaftKv.Server;
using RaftKv.Server.Hosting;
using RaftKv.Storage.Files;

var disk = new FaultyFileSystem(new PhysicalFileSystem(), Path.GetFullPath("deleted-and-not-synced"));
var clock = new FaultyClock();
using var control = ControlPort.Open(Path.GetFullPath(ControlPort.FileName), disk, clock);

var raftkv = new RootCommand("raftkv on a disk and a clock that fail when they are told to.");
ServeCommand.AddTo(raftkv, (options, stop) => RaftKvNode.StartAsync(options with { Time = clock }, new MachineGround(disk), stop));
return await raftkv.Parse(args).InvokeAsync();
